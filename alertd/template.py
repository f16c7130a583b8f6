"""A Template: a text prepared in every language, with blanks, for one hazard and level.

The shipped ones are `alertd/templates/*.toml`; docs/templates.md explains the format.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from alertd.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    Reference,
    ResponseType,
    Severity,
    Status,
    Urgency,
)
from alertd.blank import Blank, BlankKind, check_value, fill_text, local_value
from alertd.city import City
from alertd.errors import NotFound, Problem, WrongAlert
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER, TEMPLATE_CODE, Hazard
from alertd.language import tag_of

__all__ = ["Blank", "BlankKind", "Spoken", "Template", "Wording", "fill", "template", "templates"]

#: what CAP asks an alert that is none to say of itself (CAP 1.2, 3.2.1, note)
_NOTES = {
    Status.EXERCISE: "これは訓練です。 This is an exercise.",
    Status.TEST: "これは試験です。 This is a test.",
}


class Spoken(StrEnum):
    """The CAP parameters that carry the spoken texts of an info."""

    #: on the telephone
    CALL = "alertd:call"
    #: by loudspeakers outdoors
    OUTDOOR = "alertd:outdoor"
    #: on the radio
    BROADCAST = "alertd:broadcast"
    #: for an answering machine, half a minute at most
    SHORT = "alertd:short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What a template says in one language; `{name}` marks a blank."""

    headline: str
    description: str
    instruction: str
    spoken: Mapping[Spoken, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A prepared alert; `title`, `event` and `wordings` are by language ("ja", "ja-easy", "en")."""

    id: str
    hazard: Hazard
    level: int | None
    title: Mapping[str, str]
    event: Mapping[str, str]
    #: may be sent by one person alone in an emergency
    life_threat: bool
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    categories: tuple[Category, ...]
    responses: tuple[ResponseType, ...]
    blanks: tuple[Blank, ...]
    wordings: Mapping[str, Wording]


@cache
def templates() -> Mapping[str, Template]:
    """The shipped templates by id, gravest first."""
    folder = resources.files("alertd").joinpath("templates")
    blanks = {
        name: _blank(name, table)
        for name, table in tomllib.loads(folder.joinpath("blanks.toml").read_text("utf-8")).items()
    }
    found = [
        _template(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8")), blanks)
        for file in folder.iterdir()
        if file.name.endswith(".toml") and file.name != "blanks.toml"
    ]
    gravity = list(Severity)
    found.sort(key=lambda t: (-(t.level or 0), gravity.index(t.severity), t.id))
    return {template.id: template for template in found}


def template(identifier: str) -> Template:
    """The template of that id. Raises NotFound, naming those there are."""
    try:
        return templates()[identifier]
    except KeyError:
        known = ", ".join(sorted(templates()))
        raise NotFound(f"there is no template {identifier!r}; there are {known}") from None


def _blank(name: str, table: Mapping[str, Any]) -> Blank:
    return Blank(
        name=name,
        label=table["label"],
        kind=BlankKind(table["kind"]),
        example=table["example"],
        whole=table.get("whole", False),
        required=not table.get("optional", False) and not table.get("automatic", False),
    )


def _template(identifier: str, table: Mapping[str, Any], blanks: Mapping[str, Blank]) -> Template:
    return Template(
        id=identifier,
        hazard=Hazard(table["hazard"]),
        level=table.get("level"),
        title=table["title"],
        event=table["event"],
        life_threat=table.get("life_threat", False),
        urgency=Urgency(table["urgency"]),
        severity=Severity(table["severity"]),
        certainty=Certainty(table["certainty"]),
        categories=tuple(Category(name) for name in table["category"]),
        responses=tuple(ResponseType(name) for name in table["response"]),
        blanks=tuple(blanks[name] for name in table["blanks"]),
        wordings={language: _wording(words) for language, words in table["words"].items()},
    )


def _wording(words: Mapping[str, str]) -> Wording:
    spoken = {medium: words[medium.name.lower()].strip() for medium in Spoken if medium.name.lower() in words}
    return Wording(
        headline=words["headline"].strip(),
        description=words["description"].strip(),
        instruction=words.get("instruction", "").strip(),
        spoken=spoken,
    )


def fill(
    template: Template,
    values: Mapping[str, str],
    *,
    city: City,
    status: Status,
    identifier: str,
    sent: datetime,
    expires: datetime,
    areas: Sequence[Area],
    references: Sequence[Reference] = (),
) -> Alert:
    """The alert that the template gives with these values.

    A value may be given for one language alone by the key `name@language`, such as
    `place@en`. Names of places that the city knows are put into each language by
    themselves. With `references` it is an Update of them, otherwise an Alert.

    Raises WrongAlert, naming each blank that is left, unknown or wrong.
    """
    _check(template, values, areas)
    values = _automatic(values, city=city, sent=sent, areas=areas)
    infos = tuple(
        _info(template, language, values, city=city, sent=sent, expires=expires, areas=areas)
        for language in city.languages
        if language in template.wordings and _has_words(template, language, values, default=city.languages[0])
    )
    if not infos:
        raise WrongAlert(
            Problem(
                "languages", f"template {template.id} has none of {', '.join(city.languages)}; add a text"
            )
        )
    return Alert(
        identifier=identifier,
        sender=city.sender,
        sent=sent.replace(microsecond=0),
        status=status,
        msg_type=MsgType.UPDATE if references else MsgType.ALERT,
        references=tuple(references),
        note=_NOTES.get(status),
        infos=infos,
    )


def _check(template: Template, values: Mapping[str, str], areas: Sequence[Area]) -> None:
    blanks = {blank.name: blank for blank in template.blanks}
    problems = []
    for key, value in values.items():
        blank = blanks.get(key.partition("@")[0])
        if blank is None:
            known = ", ".join(blanks)
            problems.append(
                Problem(
                    key,
                    f"template {template.id} has no such blank; it has {known}",
                    f"定型文「{template.title['ja']}」にこの項目はありません。",
                )
            )
        else:
            problems.extend(check_value(blank, key, value))
    for blank in template.blanks:
        if blank.required and not values.get(blank.name, "").strip():
            problems.append(
                Problem(
                    blank.name,
                    f"{blank.label['en']} is left blank; fill it in, for example {blank.example!r}",
                    f"「{blank.label['ja']}」が空欄です。例：{blank.example}",
                )
            )
    if not areas:
        problems.append(
            Problem("areas", "no area is chosen; choose at least one", "対象地区を1つ以上選んでください。")
        )
    if problems:
        raise WrongAlert(problems)


def _has_words(template: Template, language: str, values: Mapping[str, str], *, default: str) -> bool:
    """Whether the texts that are whole blanks were given in this language."""
    return language == default or all(
        f"{blank.name}@{language}" in values for blank in template.blanks if blank.whole
    )


def _automatic(
    values: Mapping[str, str], *, city: City, sent: datetime, areas: Sequence[Area]
) -> Mapping[str, str]:
    given = {key: value.strip() for key, value in values.items() if value.strip()}
    return {
        "area": "、".join(area.description for area in areas),
        "time": sent.isoformat(),
        "phone": city.telephone,
        "web": city.web,
    } | given


def _info(
    template: Template,
    language: str,
    values: Mapping[str, str],
    *,
    city: City,
    sent: datetime,
    expires: datetime,
    areas: Sequence[Area],
) -> Info:
    wording = template.wordings[language]
    plain = {"ja-easy": "ja"}.get(language, language)

    def written(text: str) -> str:
        return fill_text(text, template.blanks, values, language, city, spoken=False)

    parameters = [
        NamedValue(medium, fill_text(text, template.blanks, values, language, city, spoken=True))
        for medium, text in wording.spoken.items()
    ]
    if template.level is not None:
        parameters.append(NamedValue(LEVEL_PARAMETER, str(template.level)))
    return Info(
        language=tag_of(language),
        categories=template.categories,
        event=template.event[plain],
        response_types=template.responses,
        urgency=template.urgency,
        severity=template.severity,
        certainty=template.certainty,
        event_codes=(NamedValue(HAZARD_CODE, template.hazard), NamedValue(TEMPLATE_CODE, template.id)),
        effective=sent.replace(microsecond=0),
        expires=expires.replace(microsecond=0),
        sender_name=city.name_en if plain == "en" else city.name,
        headline=written(wording.headline),
        description=written(wording.description),
        instruction=written(wording.instruction) or None,
        web=values["web"],
        contact=values["phone"],
        parameters=tuple(parameters),
        areas=tuple(area_in(area, language, city) for area in areas),
    )


def area_in(area: Area, language: str, city: City) -> Area:
    """One of the city's areas as a document in this language names it."""
    city_code = NamedValue("JIS_X0402", city.code)
    return Area(
        description=local_value(area.description, BlankKind.AREA, language, city, spoken=True),
        polygons=area.polygons,
        circles=area.circles,
        geocodes=area.geocodes if city_code in area.geocodes else (city_code, *area.geocodes),
        altitude=area.altitude,
        ceiling=area.ceiling,
    )
