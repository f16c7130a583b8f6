"""A Proposal: what a draft from outside would be as an alert of this city, filled in as far as it can be.

What was guessed, left out or mended stands in `notes`, so that the person who submits
it looks there.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd import cap, incoming, people
from alertd.alert import Alert, Area, Info, MsgType, NamedValue, Status
from alertd.audience import Audience
from alertd.city import City
from alertd.db import reading
from alertd.errors import Problem, WrongAlert
from alertd.finding import Finding, warn
from alertd.geometry import Polygon
from alertd.language import NAMES, spoken_in
from alertd.orders import ZONE
from alertd.outline import covered, outlines
from alertd.papers import Submission
from alertd.reissue import reissue
from alertd.site import Site
from alertd.tables import AreaRow, InboxRow, RecipientRow
from alertd.template import Spoken

#: texts that a person may change before submitting, by the field of an info
TEXTS = ("headline", "description", "instruction")
#: how long an alert lives that does not say it, or has run out
LIFE = timedelta(hours=6)
_WHOLE = frozenset({"全域", "市内全域"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A draft as it would be submitted if nobody changed anything."""

    #: the document, with the infos that are of use here
    alert: Alert
    #: what it is: "CAP 1.2", "CAP 1.1", "JMA"
    version: str
    #: codes of our areas that it is about
    areas: tuple[str, ...]
    #: it is about the whole city
    whole_city: bool
    #: what it may become; Actual only when it was Actual
    statuses: tuple[Status, ...]
    notes: tuple[Finding, ...]
    #: False for what only says that something else was wrong
    sendable: bool


def proposal(session: Session, site: Site, row: InboxRow) -> Proposal:
    """What a stored document proposes. Raises WrongAlert when it cannot be read any more."""
    found = incoming.alert_in(row, site)
    notes: list[Finding] = []
    version = "JMA" if row.origin == incoming.JMA else f"CAP {cap.version(row.document)}"
    if version == "CAP 1.1":
        notes.append(
            warn("document", "CAP 1.1 の文書です（1.2として読み込みました）。", "it is CAP 1.1, read as 1.2")
        )
    rows, known = people.areas(session), outlines(session)
    places = {info: _areas(info.areas, rows, known, site.config.city) for info in set(found.infos)}
    infos = _about_here(found.infos, places, notes)
    infos = tuple(_plain(info) for info in _readable(session, infos, site.config.city, notes))
    codes = {code for info in found.infos for code in (places[info] or ())}
    whole = any(places[info] == () for info in found.infos) or (
        len(rows) > 1 and codes == {row.code for row in rows}
    )
    alert = replace(found, infos=infos)
    _say_times(alert, site.clock.now(), notes)
    if not codes and not whole:
        notes.append(
            warn(
                "area",
                "対象地区が分かりません。選んでください。",
                "its areas are not known here; choose them",
            )
        )
    if row.status is not Status.ACTUAL:
        notes.append(
            warn(
                "status",
                f"発信元の状態は{row.status}です。本番としては配信できません。",
                f"it was {row.status} where it came from; it can never become Actual",
            )
        )
    sendable = found.msg_type in (MsgType.ALERT, MsgType.UPDATE) and bool(infos)
    if found.msg_type is MsgType.CANCEL:
        notes.append(
            warn("msgType", "発信元が取り消した文書です。", "its source has called something off with it")
        )
    return Proposal(
        alert=alert,
        version=version,
        areas=() if whole else tuple(row.code for row in rows if row.code in codes),
        whole_city=whole,
        statuses=(Status.ACTUAL, Status.EXERCISE, Status.TEST)
        if row.status is Status.ACTUAL
        else (Status.TEST,)
        if row.status is Status.TEST
        else (Status.EXERCISE, Status.TEST),
        notes=tuple(dict.fromkeys(notes)),
        sendable=sendable,
    )


def submission(
    site: Site,
    proposed: Proposal,
    *,
    status: Status,
    audience: Audience,
    channels: Sequence[str],
    hours: float,
    identifier: str,
    sent: datetime,
    texts: Mapping[tuple[int, str], str] | None = None,
) -> Submission:
    """The proposal as an alert of the city; `texts` are those that a person changed, by info and field.

    Raises WrongAlert for a status that it must not get, and for a Cancel.
    """
    if status not in proposed.statuses:
        raise WrongAlert(
            Problem(
                "status",
                f"it may become {' or '.join(proposed.statuses)}, never {status}",
                "この文書は、この状態では配信できません。",
            )
        )
    changed = replace(
        proposed.alert,
        infos=tuple(_changed(info, n, texts or {}) for n, info in enumerate(proposed.alert.infos)),
    )
    alert = reissue(
        changed,
        status=status,
        identifier=identifier,
        sent=sent,
        expires=sent + timedelta(hours=hours),
        city=site.config.city,
    )
    return Submission(alert=_of_the_city(alert, site, audience), audience=audience, channels=channels)


def _changed(info: Info, number: int, texts: Mapping[tuple[int, str], str]) -> Info:
    """The info with the texts that a person changed; then nothing prepared is spoken in their place."""
    given = {name: texts[number, name].strip() or None for name in TEXTS if (number, name) in texts}
    if all(getattr(info, name) == text for name, text in given.items()):
        return info
    spoken = set(Spoken)
    kept = tuple(pair for pair in info.parameters if pair.name not in spoken)
    return replace(info, parameters=kept, **given)  # type: ignore[arg-type]


def _of_the_city(alert: Alert, site: Site, audience: Audience) -> Alert:
    """The alert about our own areas in place of the document's."""

    if not audience.areas and not audience.everybody:
        return alert
    with reading(site.engine) as session:
        areas = people.as_areas(session, audience.areas, site.config.city.name, everybody=audience.everybody)
    code = NamedValue("JIS_X0402", site.config.city.code)
    named = tuple(replace(area, geocodes=(code, *area.geocodes)) for area in areas)
    return replace(alert, infos=tuple(replace(info, areas=named) for info in alert.infos))


def _areas(
    areas: Iterable[Area], rows: Sequence[AreaRow], known: Mapping[str, Sequence[Polygon]], city: City
) -> tuple[str, ...] | None:
    """Our areas that these are: codes, () = the whole city, None = not about us, as far as can be known."""
    by_name = {_key(row.code): row.code for row in rows} | {_key(row.name): row.code for row in rows}
    codes: dict[str, None] = {}
    whole = False
    for area in areas:
        named = {code.name: code.value for code in area.geocodes}
        if (own := named.get(ZONE)) is not None and _key(own) in by_name:
            codes[by_name[_key(own)]] = None
            continue
        name = _key(area.description).removeprefix(_key(city.name)).removesuffix("地区")
        if name in by_name:
            codes[by_name[name]] = None
            continue
        ground = covered(known, area)
        if ground:
            codes |= dict.fromkeys(ground)
        elif city.code in named.values() or f"{city.code[:5]}00" in named.values():
            whole = True
        elif _key(area.description) in {_key(city.name), _key(city.name_en)} or name in _WHOLE:
            whole = True
    return tuple(codes) if codes else () if whole else None


def _about_here(
    infos: Sequence[Info], places: Mapping[Info, tuple[str, ...] | None], notes: list[Finding]
) -> Sequence[Info]:
    """The infos about our areas, when some are and some are not."""
    here = [info for info in infos if places[info] is not None]
    if here and len(here) < len(infos):
        notes.append(
            warn(
                "info",
                f"この市以外についての{len(infos) - len(here)}件を除きました。",
                f"{len(infos) - len(here)} infos about other places were left out",
            )
        )
    return here or infos


def _readable(session: Session, infos: Sequence[Info], city: City, notes: list[Finding]) -> Sequence[Info]:
    """Those in the languages of the city and of its recipients; else English, else the first language."""
    wanted = {*city.languages, *session.scalars(select(RecipientRow.language).distinct())}
    kept = [info for info in infos if spoken_in(info) in wanted]
    if not kept and infos:
        languages = [spoken_in(info) for info in infos]
        fallback = "en" if "en" in languages else languages[0]
        kept = [info for info in infos if spoken_in(info) == fallback]
    if infos and city.languages[0] not in {spoken_in(info) for info in kept}:
        there = "、".join(NAMES.get(spoken_in(info), (spoken_in(info),))[0] for info in kept)
        notes.append(
            warn(
                "language",
                f"日本語の文がありません（{there}）。日本語の文に書き換えるか、新しく起案してください。",
                "it has no Japanese text: most readers will not understand it",
            )
        )
    return kept


def _plain(info: Info) -> Info:
    """The info as text: marks of HTML are taken out, line ends and spaces put in order."""
    return replace(
        info,
        headline=_text(info.headline) or _text(info.event),
        description=_text(info.description),
        instruction=_text(info.instruction),
        contact=_text(info.contact),
    )


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    bare = re.sub(r"(?i)<(br|/p|/li|/div)\s*/?>", "\n", text)
    bare = html.unescape(re.sub(r"</?[A-Za-z][^>]*>", "", bare))
    lines = (re.sub(r"[ \t\u3000]+", " ", line).strip() for line in bare.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() or None


def _say_times(alert: Alert, now: datetime, notes: list[Finding]) -> None:
    """What is odd about the times. `expires` before `onset` is not: it is the message's end, not the hazard's."""
    hours = f"{LIFE.total_seconds() / 3600:.0f}"
    if alert.expires is None:
        notes.append(
            warn(
                "expires",
                f"有効期限がないため、{hours}時間としました。",
                f"it says nothing of its end; {hours} hours are proposed",
            )
        )
    elif alert.expires <= now:
        notes.append(
            warn(
                "expires",
                "有効期限が過ぎています。今も正しいか確かめてください。",
                "it has run out where it came from; make sure that it still holds",
            )
        )
    if alert.sent < now - incoming.FRESH:
        notes.append(warn("sent", "1日以上前の文書です。", "it is older than a day"))


def _key(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().lower()
