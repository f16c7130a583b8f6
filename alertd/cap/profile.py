"""The profile: what our own CAP documents keep besides the schema, so that a strict reader has nothing to say.

Sources: OASIS CAP 1.2 (2010-07-01), chapters 2 and 3; the rest is what readers of CAP
are known to stumble over: markup in texts, crossing polygons, the same text under two
languages, references to itself, infos that disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

from alertd.alert import Alert, Area, Info, MsgType, Scope, Status
from alertd.city import City
from alertd.errors import Problem
from alertd.geometry import crosses_itself
from alertd.hazard import HAZARD_CODE, LEVEL_PARAMETER
from alertd.language import language_of

#: characters of a headline that every display can show
LONGEST_HEADLINE = 160
_MARKUP = re.compile(r"</?[A-Za-z][^>]*>|&(?:[a-z]+|#\d+);")


def faults(alert: Alert, city: City) -> tuple[Problem, ...]:
    """Everything that a strict reader could say of a document that we publish; nothing is the aim."""
    return tuple(
        [
            *_envelope(alert, city),
            *_infos(alert),
            *(fault for n, info in enumerate(alert.infos, 1) for fault in _info(alert, info, n, city)),
        ]
    )


def _envelope(alert: Alert, city: City) -> Iterator[Problem]:
    if alert.sender != city.sender:
        yield Problem("sender", "it is not the city's own")
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,200}", alert.identifier):
        yield Problem("identifier", "it has characters that do not pass everywhere")
    if alert.sent.microsecond:
        yield Problem("sent", "it has fractions of a second, which CAP cannot write")
    follows = alert.msg_type in (MsgType.UPDATE, MsgType.CANCEL)
    if follows != bool(alert.references):
        yield Problem("references", f"{alert.msg_type} and its references do not go together")
    if alert.reference in alert.references or len(set(alert.references)) != len(alert.references):
        yield Problem("references", "one is the document itself, or stands twice")
    if any(reference.sent > alert.sent for reference in alert.references):
        yield Problem("references", "one is younger than the document")
    if (alert.scope is Scope.RESTRICTED) != bool(alert.restriction):
        yield Problem("restriction", "it belongs to the scope Restricted, and to no other")
    if (alert.scope is Scope.PRIVATE) != bool(alert.addresses):
        yield Problem("addresses", "they belong to the scope Private, and to no other")
    if alert.status in (Status.EXERCISE, Status.TEST) and not alert.note:
        yield Problem("note", f"an {alert.status} says in a note what it is")
    if not alert.infos:
        yield Problem("info", "there is none")


def _infos(alert: Alert) -> Iterator[Problem]:
    """What the infos of one document, one for each language, have to agree on; what stands from before is apart."""
    languages = [info.language for info in alert.news]
    if len(set(languages)) != len(languages):
        yield Problem("language", "two infos are in the same language")
    for name in ("categories", "response_types", "urgency", "severity", "certainty", "effective", "expires"):
        if len({getattr(info, name) for info in alert.news}) > 1:
            yield Problem(name, "the infos of one document differ in it")
    for name in (HAZARD_CODE,):
        if len({info.event_code(name) for info in alert.news}) > 1:
            yield Problem(name, "the infos of one document differ in it")
    if len({info.parameter(LEVEL_PARAMETER) for info in alert.news}) > 1:
        yield Problem(LEVEL_PARAMETER, "the infos of one document differ in it")
    for one, other in combinations(alert.news, 2):
        if language_of(one.language)[:2] == language_of(other.language)[:2]:
            continue  # Japanese and plain Japanese may share a word
        for name in ("event", "headline", "description", "instruction"):
            if getattr(one, name) and getattr(one, name) == getattr(other, name):
                yield Problem(name, f"{one.language} and {other.language} have the same text")


def _info(alert: Alert, info: Info, number: int, city: City) -> Iterator[Problem]:
    where = f"info[{number}]"
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{1,8})*", info.language):
        yield Problem(f"{where}/language", f"{info.language!r} is no language tag")
    for name in ("event", "headline", "description", "sender_name", "instruction", "web", "contact"):
        text = getattr(info, name)
        if text is None and name != "instruction":
            yield Problem(f"{where}/{name}", "it is missing")
        elif text is not None and (not text.strip() or text != text.strip()):
            yield Problem(f"{where}/{name}", "it is empty, or has space around it")
        elif text and _MARKUP.search(text):
            yield Problem(f"{where}/{name}", "it has markup")
    if len(info.headline or "") > LONGEST_HEADLINE:
        yield Problem(f"{where}/headline", f"it is longer than {LONGEST_HEADLINE} characters")
    if "\n" in (info.headline or ""):
        yield Problem(f"{where}/headline", "it has a line break")
    if info.headline and info.headline == info.description:
        yield Problem(f"{where}/description", "it only repeats the headline")
    if info.web and not re.fullmatch(r"https?://[^\s<>\"]+", info.web):
        yield Problem(f"{where}/web", "it is no complete address")
    if info.effective is None or info.expires is None or not info.effective < info.expires:
        yield Problem(f"{where}/expires", "effective and expires are not there, or not in this order")
    elif info.effective < alert.sent - timedelta(minutes=1):
        yield Problem(f"{where}/effective", "it is before the document was sent")
    names = [pair.name for pair in (*info.parameters, *info.event_codes)]
    if len(set(names)) != len(names) or not all(
        pair.name and pair.value.strip() for pair in (*info.parameters, *info.event_codes)
    ):
        yield Problem(f"{where}/parameter", "a name stands twice, or a value is empty")
    if not info.areas:
        yield Problem(f"{where}/area", "there is none")
    for area in info.areas:
        yield from _area(area, f"{where}/area", city)


def _area(area: Area, where: str, city: City) -> Iterator[Problem]:
    if not area.description.strip():
        yield Problem(f"{where}/areaDesc", "it is empty")
    if not any(code.name == "JIS_X0402" and code.value == city.code for code in area.geocodes):
        yield Problem(f"{where}/geocode", f"the municipality JIS_X0402={city.code} is missing")
    for ring in area.polygons:
        if len(ring) < 4 or ring[0] != ring[-1]:
            yield Problem(f"{where}/polygon", "it is not closed")
        elif crosses_itself(ring):
            yield Problem(f"{where}/polygon", "it crosses itself")
    if any(radius <= 0 for _, _, radius in area.circles):
        yield Problem(f"{where}/circle", "it has no radius")
