"""The forecast: when a dispatch will have called everybody, before it goes out and while it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import store
from alertd.channel import Pace
from alertd.eta import Calling, Eta, eta
from alertd.site import Site
from alertd.tables import ArtefactRow

#: from so many calls on, the measured share of answers counts
ENOUGH = 20
#: what a call lasts besides its sound: to the ear, the menu, the thanks
AROUND = 20.0
_NONE: Mapping[str, float] = {}


def preview(site: Site, counts: Mapping[str, int], sounds: Mapping[str, float] = _NONE) -> Mapping[str, Eta]:
    """How long so many contacts by channel would take, for the channels that have lines.

    `sounds` has the length of each channel's sound in seconds, where it was made already.
    """
    return {
        name: eta(number, calling)
        for name, number in counts.items()
        if name in site.settings and (calling := _calling(site, name, sounds.get(name))) is not None
    }


def ends_at(session: Session, site: Site, dispatch_id: int, now: datetime) -> Mapping[str, datetime]:
    """When each channel with lines will have made its last call, by the answers so far."""
    return {name: now + left.all_rounds for name, left in remaining(session, site, dispatch_id).items()}


def remaining(
    session: Session, site: Site, dispatch_id: int, opened: Mapping[str, int] | None = None
) -> Mapping[str, Eta]:
    """How long each channel with lines will still take, by the answers so far.

    `opened` says how many deliveries each has still open, where that was counted already.
    Channels that have nothing open any more are left out.
    """
    if opened is None:
        opened = {one.channel: one.deliveries for one in store.open_by_channel(session, dispatch_id)}
    lengths = sounds(store.artefacts(session, dispatch_id))
    told: dict[str, Eta] = {}
    for name, deliveries in opened.items():
        calling = _calling(site, name, lengths.get(name)) if deliveries else None
        if calling is None:
            continue
        answers = store.answers(session, dispatch_id, name)
        if answers.concluded >= ENOUGH:
            calling = replace(calling, answered=answers.answered / answers.concluded)
        told[name] = eta(deliveries, calling)
    return told


def sounds(artefacts: Iterable[ArtefactRow]) -> Mapping[str, float]:
    """The length of each channel's sound in seconds, the longest of its languages."""
    found: dict[str, float] = {}
    for made in artefacts:
        if made.audio_seconds:
            found[made.channel] = max(found.get(made.channel, 0.0), made.audio_seconds)
    return found


def _calling(site: Site, name: str, seconds: float | None) -> Calling | None:
    pace, settings = site.channel(name).traits.pace, site.settings[name]
    if not isinstance(pace, Pace) or pace.in_flight is None:
        return None
    calling = Calling(
        lines=pace.in_flight,
        per_second=pace.per_second,
        rounds=settings.attempts,
        pauses=settings.retry_after,
    )
    return calling if seconds is None else replace(calling, talk=seconds + AROUND)
