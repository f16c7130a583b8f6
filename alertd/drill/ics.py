"""Drills as a calendar file (iCalendar, RFC 5545), for the calendars of those who take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One drill in a calendar; the same `uid` replaces what was there."""

    uid: str
    title: str
    description: str
    starts_at: datetime
    lasts: timedelta
    cancelled: bool = False


def calendar(entries: Sequence[Entry], *, made_at: datetime, city: str) -> bytes:
    """The calendar of these drills; each reminds a day and an hour before."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//alertd//{_escaped(city)}//JA",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    for entry in entries:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{entry.uid}",
            f"DTSTAMP:{_utc(made_at)}",
            f"DTSTART:{_utc(entry.starts_at)}",
            f"DTEND:{_utc(entry.starts_at + entry.lasts)}",
            f"SUMMARY:{_escaped(f'【訓練】{entry.title}')}",
            f"DESCRIPTION:{_escaped(entry.description)}",
            f"STATUS:{'CANCELLED' if entry.cancelled else 'CONFIRMED'}",
            "TRANSP:OPAQUE",
            *_reminder("-P1D", entry.title),
            *_reminder("-PT1H", entry.title),
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return b"".join(_folded(line) for line in lines)


def _reminder(before: str, title: str) -> list[str]:
    return [
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_escaped(f'【訓練】{title}')}",
        f"TRIGGER:{before}",
        "END:VALARM",
    ]


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    """RFC 5545 §3.3.11."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def _folded(line: str) -> bytes:
    """Lines of at most 75 octets, folded between characters (RFC 5545 §3.1)."""
    rows: list[bytes] = []
    row = b""
    for character in line:
        octets = character.encode()
        if len(row) + len(octets) > (75 if not rows else 74):
            rows.append(row)
            row = b""
        row += octets
    rows.append(row)
    return b"\r\n ".join(rows) + b"\r\n"
