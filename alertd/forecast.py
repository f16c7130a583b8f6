"""The forecast: when a dispatch will have called everybody, before it goes out and while it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import store
from alertd.channel import Pace
from alertd.eta import Calling, Eta, eta
from alertd.site import Site

#: from so many calls on, the measured share of answers counts
ENOUGH = 20
#: what a call lasts besides its sound: to the ear, the menu, the thanks
AROUND = 20.0


def preview(site: Site, counts: Mapping[str, int], seconds: float | None = None) -> Mapping[str, Eta]:
    """How long so many contacts by channel would take, for the channels that have lines.

    `seconds` is the length of the sound, None before it was made.
    """
    return {
        name: eta(number, calling)
        for name, number in counts.items()
        if (calling := _calling(site, name, seconds)) is not None
    }


def ends_at(session: Session, site: Site, dispatch_id: int, now: datetime) -> Mapping[str, datetime]:
    """When each channel with lines will have made its last call, by the answers so far.

    Channels that have nothing open any more are left out.
    """
    lengths = {made.channel: made.audio_seconds for made in store.artefacts(session, dispatch_id)}
    told: dict[str, datetime] = {}
    for count in store.open_by_channel(session, dispatch_id):
        calling = _calling(site, count.channel, lengths.get(count.channel))
        if calling is None:
            continue
        answers = store.answers(session, dispatch_id, count.channel)
        if answers.concluded >= ENOUGH:
            calling = replace(calling, answered=answers.answered / answers.concluded)
        told[count.channel] = now + eta(count.deliveries, calling).all_rounds
    return told


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
