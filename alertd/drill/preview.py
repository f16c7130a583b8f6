"""The preview of a drill: what would be said to whom and when, before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alertd import lint, papers
from alertd.artefact import Artefact
from alertd.city import City
from alertd.db import reading
from alertd.drill.hindrance import hindrance
from alertd.drill.scenario import Scenario, Step
from alertd.drill.submission import submission
from alertd.errors import AlertdError
from alertd.language import is_japanese
from alertd.mora import seconds
from alertd.site import Site
from alertd.speech import Chime, Pause, Say, Script
from alertd.store import drills

#: morae in a second and seconds between sentences, when no voice has been asked
_RATE, _GAP = 5.0, 0.6
#: a chime, in seconds
_CHIME = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What one section would say in one language."""

    channel: str
    language: str
    contacts: int
    headline: str
    text: str
    #: of the sound; None = it is read
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the drill; `problems` none = it could be handed in."""

    step: Step
    #: None = when the drill is broken off
    due_at: datetime | None
    sayings: Sequence[Saying] = ()
    #: contacts by section
    counts: Mapping[str, int]
    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()


def preview(site: Site, scenario: Scenario, starts_at: datetime, *, speak: bool = False) -> list[Message]:
    """Every message as it would be handed in for a start at that time; nothing is stored.

    With `speak` the voices say how long each sound is; else that is estimated.
    """
    return [_message(site, scenario, step, starts_at, speak=speak) for step in scenario.steps]


def standing_in_the_way(site: Site) -> str | None:
    """Why no drill could begin at this moment; None = nothing."""
    with reading(site.engine) as session:
        return hindrance(session, site.clock.now())


def _message(site: Site, scenario: Scenario, step: Step, starts_at: datetime, *, speak: bool) -> Message:
    due_at = scenario.due_at(step, starts_at)
    try:
        handed_in = submission(site, scenario, step, starts_at=starts_at, identifier="preview")
        made = papers.artefacts(site, handed_in.alert, handed_in, speak=speak)
    except AlertdError as error:
        return Message(step=step, due_at=due_at, counts={}, problems=str(error).splitlines())
    with reading(site.engine) as session:
        by_language = {
            name: drills.contacts_by_language(session, handed_in.audience, site.line(name))
            for name in handed_in.channels
        }
    counts = {name: sum(found.values()) for name, found in by_language.items()}
    problems = [] if sum(counts.values()) else ["nobody would be reached; check audience, areas and channels"]
    found = lint.lint(handed_in.alert, site.config.city, now=due_at or starts_at)
    problems += [finding.message_en for finding in found if finding.severity == "block"]
    return Message(
        step=step,
        due_at=due_at,
        sayings=[_saying(one, made, by_language, site.config.city) for one in made],
        counts=counts,
        problems=problems,
        warnings=[f"{name} reaches nobody of this audience" for name, number in counts.items() if not number],
    )


def _saying(
    one: Artefact, made: Sequence[Artefact], by_language: Mapping[str, Mapping[str, int]], city: City
) -> Saying:
    """Whoever speaks a language that is not made is told in the first one."""
    languages = [other.language for other in made if other.channel == one.channel]
    counted = by_language[one.channel]
    contacts = counted.get(one.language, 0)
    if one.language == languages[0]:
        contacts += sum(number for language, number in counted.items() if language not in languages)
    length = one.sound.seconds if one.sound is not None else None
    if length is None and one.words.script is not None:
        length = _seconds(one.words.script, city)
    return Saying(
        channel=one.channel,
        language=one.language,
        contacts=contacts,
        headline=one.words.headline,
        text=one.words.text,
        seconds=round(length, 1) if length is not None else None,
    )


def _seconds(script: Script, city: City) -> float:
    readings = city.readings if is_japanese(script.language) else {}
    total = 0.0
    for part in script.parts:
        if isinstance(part, Say):
            total += seconds(part.text, readings, rate=_RATE, gap=_GAP)
        elif isinstance(part, Pause):
            total += part.seconds
        elif isinstance(part, Chime):
            total += _CHIME
    return total
