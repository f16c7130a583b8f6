"""Inheriting: what a sender held that has died on this machine is free at once, and not when its lease lapses."""

from __future__ import annotations

import logging

from alertd import lane, lifeline, store
from alertd.channel import InDoubt
from alertd.db import writing
from alertd.errors import AlertdError
from alertd.site import Site

log = logging.getLogger(__name__)

#: what may be handed over once more: to wait would tell nobody anything
_AGAIN = (InDoubt.RESEND, InDoubt.RESEND_ACTUAL)


def inherit(site: Site) -> frozenset[str]:
    """Ends the leases of senders whose process is gone; the channels that they sent on. Twice is harmless.

    Where the far end is asked, or a person decides, hand-overs that had begun keep their
    lease: the far end gets the time to know what it was told last.
    """
    channels = set()
    for sender in lifeline.dead(site.keeper.life_lines, site.clock.now()):
        try:
            traits = site.channel(sender.channel).traits
        except AlertdError as error:
            log.warning("what a dead sender of %s held waits for its lease: %s", sender.channel, error)
            continue
        with writing(site.engine) as session:
            now = site.clock.now()
            freed = store.inherit(session, sender.owner, now, handed=traits.in_doubt in _AGAIN)
            row = lane.lane(session, sender.channel)
            if traits.pace is not None and traits.pace.kept:
                lane.leave(row, sender.owner, traits.pace, now)
            else:
                lane.disown(row, sender.owner)
        log.warning("a sender of %s has died; %s deliveries that it held are free", sender.channel, freed)
        channels.add(sender.channel)
    return frozenset(channels)
