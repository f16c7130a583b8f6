"""Templates on screen: found by word, hazard and level, and each as it would be read and heard. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Response

from alertd import artefact
from alertd.alert import Area
from alertd.channel import Medium
from alertd.db import reading
from alertd.errors import NotFound, SpeechError, WrongAlert
from alertd.hazard import NAMES
from alertd.people import areas
from alertd.speech import CALL_AUDIO
from alertd.template import Template, template, templates
from alertd.template_preview import Preview, example, previews
from operator_console import labels, paging
from operator_console.page import page
from operator_console.visit import Visit, Visited


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A preview that was made into sound."""

    language: str
    medium: Medium
    digest: str
    seconds: float


def show_all(visit: Visited) -> Response:
    """GET /templates?q=…&from=NUMBER"""
    asked = paging.wanted(visit)
    tongue = 0 if visit.language == "ja" else 1
    found = [one for one in templates().values() if all(_fits(one, word) for word in asked.words)]
    return page(
        visit,
        "templates.html",
        found=found[asked.start : asked.start + paging.SIZE],
        part=paging.part(asked, len(found)),
        hazards={hazard: names[tongue] for hazard, names in NAMES.items()},
    )


def show(identifier: str, visit: Visited) -> Response:
    """GET /templates/ID"""
    return _page(visit, template(identifier))


def hear(identifier: str, visit: Visited) -> Response:
    """POST /templates/ID/hear: speaks one language in one medium, with the drill's words around it."""
    found, language, medium = template(identifier), visit.field("language"), visit.field("medium")
    made = next(
        (one for one in _previews(visit, found) if (one.language, one.medium) == (language, medium)), None
    )
    if made is None or made.words.script is None:
        raise NotFound(f"the template {identifier!r} says nothing in {language!r} over {medium!r}")
    try:
        sound = visit.site.synthesizer.speak(made.words.script, CALL_AUDIO)
    except SpeechError:
        problem = visit.say("No voice could speak this here.")
        return _page(visit, found, problem=problem, status=409)
    archive = visit.site.config.storage / "audio"
    artefact.keep(sound.path, archive / f"{sound.digest}{sound.path.suffix}")
    heard = Heard(language=language, medium=made.medium, digest=sound.digest, seconds=sound.seconds)
    return _page(visit, found, heard=heard)


def _page(
    visit: Visit,
    found: Template,
    *,
    heard: Heard | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    made: list[Preview] = []
    try:
        made = _previews(visit, found)
    except WrongAlert as error:
        problem = " ".join(visit.problem(one) for one in error.problems)
    return page(
        visit,
        "template.html",
        status=status,
        found=found,
        previews=_by_language(made),
        readings=_readings(visit, made),
        media=labels.MEDIA,
        hazard=NAMES[found.hazard][0 if visit.language == "ja" else 1],
        heard=heard,
        problem=problem,
    )


def _previews(visit: Visit, found: Template) -> list[Preview]:
    with reading(visit.site.engine) as session:
        places = areas(session)[:1]
    named = places[0].name if places else visit.site.config.city.name
    where = named if named.endswith(("地区", "全域", "町", "市")) else f"{named}地区"
    city = visit.site.config.city
    return previews(example(found, city, visit.now, [Area(description=where)]), city)


def _by_language(made: list[Preview]) -> Mapping[str, list[Preview]]:
    found: dict[str, list[Preview]] = {}
    for one in made:
        found.setdefault(one.language, []).append(one)
    return found


def _readings(visit: Visit, made: list[Preview]) -> Mapping[tuple[str, str], str]:
    """How the words of each language are read on the telephone; without those that nobody can read."""
    found: dict[tuple[str, str], str] = {}
    for one in made:
        if one.medium is not Medium.CALL or one.words.script is None:
            continue
        try:
            found[one.language, one.medium] = visit.site.synthesizer.reading(one.words.script)
        except SpeechError:
            continue
    return found


def _fits(one: Template, word: str) -> bool:
    places = [
        one.id,
        *one.title.values(),
        *NAMES[one.hazard],
        *(said.headline for said in one.wordings.values()),
    ]
    return any(word.casefold() in text.casefold() for text in places)
