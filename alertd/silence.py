"""The silence: when an alert is stopped while its calls are being made, nothing of it rings any longer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from alertd.channel import Channel, Rings
from alertd.db import reading
from alertd.dispatch import State
from alertd.site import Site
from alertd.tables import DispatchRow

log = logging.getLogger(__name__)

#: seconds between two looks whether the dispatch was stopped
EVERY = 0.5


@contextmanager
def silence(site: Site, name: str, channel: Channel, dispatch_id: int) -> Iterator[None]:
    """Around a hand-over: tells a channel that `Rings` once its dispatch, or the channel in it, is stopped.

    A channel that hands its calls over and forgets them is asked about them instead (see `look_again`).
    """
    if not isinstance(channel, Rings):
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            try:
                stopped = _stopped(site, name, dispatch_id)
            except SQLAlchemyError:
                log.warning("the database does not say whether the calls of %s shall go on", name)
                continue
            if stopped:
                channel.fall_silent()
                return

    thread = threading.Thread(target=watch, name=f"silence-{name}")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _stopped(site: Site, name: str, dispatch_id: int) -> bool:
    with reading(site.engine) as session:
        row = session.get_one(DispatchRow, dispatch_id)
        return row.state is State.CANCELLED or name in row.stops
