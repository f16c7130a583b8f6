"""The doorbell's wire: Redis as Celery speaks it, deaf to what is no message.

Whoever can write to the broker can push anything into a queue. Celery's own wire ends the whole
worker over a piece that is no JSON or has no properties, in a queue or among what is taken and not
done; this one says so and reads on.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

log = logging.getLogger(__name__)

#: what reading a strange piece ends in; troubles of the connection are none of these
_STRANGE = (ValueError, TypeError, KeyError, AttributeError, IndexError)


class QoS(redis.QoS):
    """Brings back what a worker took and did not live to do; what is no message goes for good."""

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        try:
            super().restore_by_tag(tag, client, leftmost)  # type: ignore[no-untyped-call]
        except _STRANGE as error:
            log.warning("something that is no message was to be brought back: %s", type(error).__name__)
            with self.pipe_or_acquire(None, client) as pipe:
                self._remove_from_indices(tag, pipe).execute()  # type: ignore[no-untyped-call]


class Channel(redis.Channel):
    """Reads one piece after the other; a strange one is dropped, it rings for nobody."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except _STRANGE as error:
            log.warning("something that is no message was in the broker: %s", type(error).__name__)
            return True


class Transport(redis.Transport):
    """Celery's transport for Redis with this wire."""

    Channel = Channel


def install() -> None:
    """From now on this process speaks to Redis by this wire; twice is the same as once."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
