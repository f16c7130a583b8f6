"""Readings on screen: how names are read aloud, found, heard, and changed by hand with a reason."""

from __future__ import annotations

import unicodedata

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd import artefact, audit
from alertd.db import writing
from alertd.dispatch import Role
from alertd.errors import NotFound, SpeechError, WrongInput
from alertd.kana import hira2kata
from alertd.speech import CALL_AUDIO, KeepsReadings, KnownReading, Reading, Say, Script
from operator_console import reading_source
from operator_console.page import page
from operator_console.visit import Visit, Visited

#: who changes them: it is heard in every later alert
CHANGES = frozenset({Role.DRAFT, Role.APPROVE, Role.ADMINISTER})
#: entries on one page
PAGE = 100
#: characters of a word, of a text to listen to, and of a reason
LONGEST_WORD, LONGEST_TEXT, LONGEST_REASON = 40, 100, 300


def show(visit: Visited) -> Response:
    """GET /readings?q=…&from=NUMBER&hear=TEXT: `hear` shows how a text would be read."""
    return _page(visit)


def keep(visit: Visited) -> Response:
    """POST /readings: one word, its kana, and why; in the audit trail."""
    surface, kana = visit.field("surface"), unicodedata.normalize("NFKC", visit.field("kana"))
    accent, reason = visit.field("accent"), visit.field("reason")
    problem = _wrong(visit, surface, kana, accent, reason)
    if problem is not None:
        return _page(visit, problem=problem, status=422)
    reading = Reading(surface=surface, kana=hira2kata(kana), accent=int(accent) if accent else None)
    entry = KnownReading(reading=reading, source=reason, verified_by=visit.operator.name)
    try:
        heard = _dictionary(visit).keep_reading(entry)
    except WrongInput as error:
        return _page(visit, problem=" ".join(visit.problem(one) for one in error.problems), status=422)
    except SpeechError:
        return _page(visit, problem=visit.say("No voice could speak this here."), status=409)
    with writing(visit.site.engine) as session:
        audit.note(
            session,
            at=visit.now,
            actor=visit.operator.name,
            action="reading.kept",
            subject="readings",
            detail={"word": surface, "kana": reading.kana, "reason": reason, "heard": heard.heard},
        )
    return RedirectResponse(f"/readings?q={surface}", 303)


def hear(visit: Visited) -> Response:
    """POST /readings/hear: speaks a short text as the voice would, with a player."""
    text = visit.field("text")[:LONGEST_TEXT]
    if not text:
        return _page(visit, problem=visit.say("Write what you want to hear."), status=422)
    try:
        sound = visit.site.synthesizer.speak(Script(language="ja", parts=(Say(text),)), CALL_AUDIO)
    except SpeechError:
        return _page(visit, problem=visit.say("No voice could speak this here."), status=409)
    archive = visit.site.config.storage / "audio"
    artefact.keep(sound.path, archive / f"{sound.digest}{sound.path.suffix}")
    return _page(visit, text=text, heard=sound.reading, digest=sound.digest)


def _page(
    visit: Visit,
    *,
    text: str = "",
    heard: str = "",
    digest: str = "",
    problem: str | None = None,
    status: int = 200,
) -> Response:
    words, given = visit.query.get("q", "")[:100].split(), visit.query.get("from", "")
    start = int(given) if given.isascii() and given.isdigit() and len(given) < 9 else 0
    synthesizer = visit.site.synthesizer
    entries = list(synthesizer.readings()) if isinstance(synthesizer, KeepsReadings) else []
    entries.sort(key=lambda entry: entry.reading.kana)
    found = [entry for entry in entries if all(_fits(entry, word) for word in words)]
    return page(
        visit,
        "readings.html",
        status=status,
        keeps=isinstance(synthesizer, KeepsReadings),
        entries=found[start : start + PAGE],
        told=reading_source.told,
        total=len(found),
        start=start,
        following=start + PAGE if len(found) > start + PAGE else None,
        words=" ".join(words),
        typed={name: visit.field(name) for name in ("surface", "kana", "accent", "reason")},
        may_change=visit.may(*CHANGES),
        text=text,
        heard=heard,
        digest=digest,
        problem=problem,
    )


def _dictionary(visit: Visit) -> KeepsReadings:
    synthesizer = visit.site.synthesizer
    if not isinstance(synthesizer, KeepsReadings):
        raise NotFound("the installed synthesizer keeps no dictionary of readings")
    return synthesizer


def _wrong(visit: Visit, surface: str, kana: str, accent: str, reason: str) -> str | None:
    """What is wrong with an entry before the dictionary looks at it."""
    if not 0 < len(surface) <= LONGEST_WORD or not kana or len(kana) > 2 * LONGEST_WORD:
        return visit.say("Give the word and its kana.")
    if len(surface) == 1:
        return visit.say("A single character would be read wrongly inside other words; give the whole word.")
    if accent and not (accent.isascii() and accent.isdigit() and len(accent) < 3):
        return visit.say("The accent is the number of a mora, or empty.")
    if not 5 <= len(reason) <= LONGEST_REASON:
        return visit.say("Please give the reason in at least five characters.")
    return None


def _fits(entry: KnownReading, word: str) -> bool:
    places = (entry.reading.surface, entry.reading.kana, entry.source)
    return any(hira2kata(word) in hira2kata(text) for text in places)
