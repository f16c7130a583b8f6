"""The published form of an alert: as it was stored, but that a drill says so in its own words too.

A document of ours is public byte for byte. An Exercise is marked by its status alone,
which some readers of CAP overlook: in public its texts begin and end with the marks
that every channel puts there.
"""

from __future__ import annotations

from dataclasses import replace

from alertd import cap
from alertd.alert import Alert, Info, Status
from alertd.language import spoken_in
from alertd.marks import has_marks, marks


def published(alert: Alert) -> Alert:
    """The alert as everybody may read it."""
    if alert.status is Status.ACTUAL:
        return alert
    return replace(alert, infos=tuple(_marked(info, alert.status) for info in alert.infos))


def document(stored: bytes) -> bytes:
    """The published CAP document of a stored one; a real one is the stored one itself."""
    alert = cap.read_own(stored)
    return stored if alert.status is Status.ACTUAL else cap.write(published(alert))


def _marked(info: Info, status: Status) -> Info:
    words = marks(status, spoken_in(info))
    if words is None or has_marks(info.headline or ""):
        return info
    body = "\n".join((words.first, info.description or "", words.last))
    return replace(
        info,
        event=f"{words.prefix}{info.event}",
        headline=f"{words.prefix}{info.headline or info.event}",
        description=body,
        instruction=None
        if info.instruction is None
        else "\n".join((words.first, info.instruction, words.last)),
    )
