"""The worker: Celery's doorbell. A task names a channel and says “go and look”, nothing more."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import Celery
from celery.signals import worker_shutting_down
from kombu.exceptions import OperationalError

from alertd import doorbell, hold, settled
from alertd.config import Config
from alertd.errors import AlertdError
from alertd.inherit import inherit
from alertd.pulse import Pulse, of_worker
from alertd.relay import Ring
from alertd.send import drain
from alertd.site import Site

log = logging.getLogger(__name__)

#: the one task's name
LOOK = "alertd.look"
#: a ring that nobody heard is worth nothing after so many seconds
RING_LIFE = 30


def broker_url(config: Config) -> str:
    """The broker as Celery names it."""
    return f"redis+socket://{config.broker_socket.resolve()}" if config.embedded_broker else config.broker_url


def queue(channel: str) -> str:
    """The queue of a channel."""
    return f"look-{channel}"


def celery_app(config: Config) -> Celery:
    """Celery, set so that losing or repeating a message is harmless and nothing waits for the broker."""
    doorbell.install()
    app = Celery("alertd", broker=broker_url(config), set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        worker_prefetch_multiplier=1,
        task_publish_retry=False,
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        accept_content=["json"],
        task_serializer="json",
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_soft_shutdown_timeout=15.0,
        worker_hijack_root_logger=False,
        broker_transport_options={
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
            "retry_on_timeout": False,
            "health_check_interval": 10,
            "visibility_timeout": 120,
            "global_keyprefix": "alertd_",
        },
    )
    return app


def bell(config: Config) -> Ring:
    """Rings the workers of a channel through the broker; False when the broker does not take it."""
    app = celery_app(config)
    # kombu would try for six seconds; the relay rings again in a quarter of one
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "max_retries": 0}

    def ring(channel: str) -> bool:
        try:
            app.send_task(
                LOOK, (channel,), queue=queue(channel), expires=RING_LIFE, retry=False, ignore_result=True
            )
        except (OperationalError, OSError) as error:
            log.warning("the broker does not answer: %s", error.__class__.__name__)
            return False
        return True

    return ring


class Looker:
    """What a worker process does when it is rung: one drain at a time for each channel."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._busy = {name: threading.Lock() for name in site.settings}
        self.stop = threading.Event()
        self._first = threading.Lock()
        self._looked_back = False

    def look(self, channel: str) -> None:
        """Drains a channel; returns at once when this process is at it already or does not know it."""
        guard = self._busy.get(channel)
        if guard is None or not guard.acquire(blocking=False):
            return
        try:
            self._look_back()
            drain(self._site, channel, self.stop)
        except AlertdError as error:
            log.error("channel %s: %s", channel, error)
        except Exception:
            log.exception("channel %s could not be drained", channel)
        finally:
            guard.release()

    def _look_back(self) -> None:
        """Before the first drain: nothing that an older database takes for open may go out by itself.

        And what its own predecessor held is free, also where no relay runs.
        """
        with self._first:
            if not self._looked_back:
                hold.look(self._site)
                settled.look(self._site)
                inherit(self._site)
                self._looked_back = True


def run(site: Site, channels: list[str]) -> None:
    """A Celery worker for these channels, in this process, until it is told to stop."""
    app = celery_app(site.config)
    looker = Looker(site)

    @app.task(name=LOOK)  # type: ignore[untyped-decorator]
    def look(channel: str) -> None:
        looker.look(channel)

    worker: Any = app.Worker(
        pool="threads",
        concurrency=2 * len(channels) + 2,
        queues=[queue(name) for name in channels],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        optimization="fair",
        loglevel="WARNING",
    )

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def stop(**_: object) -> None:
        # else it would wait for the end of every drain, and a campaign of calls takes hours
        looker.stop.set()

    alive = Pulse(site, [of_worker(name) for name in channels])
    try:
        worker.start()
    finally:
        alive.close()
        looker.stop.set()
        site.close()
