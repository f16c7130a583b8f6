"""`alertd web`: the operators' console and the public pages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from pathlib import Path

import typer
import uvicorn
import uvloop

from alertd.cli.installation import ConfigOption, log_to_stderr, settings
from alertd.config import Web
from alertd.errors import WrongConfiguration
from alertd.site import Site

app = typer.Typer(rich_markup_mode=None, add_completion=False)

#: an open live board must not hold up the end, in seconds
GRACE = 1
#: after which a thread that computes lets another one go on, in seconds
SWITCH = 0.0005


class Part(StrEnum):
    """Which of the servers."""

    #: operators
    CONSOLE = "console"
    #: residents and far ends
    PUBLIC = "public"
    #: trainees
    DRILL = "drill"


@app.command()
def web(
    context: typer.Context,
    only: Part | None = typer.Option(None, "--only", help="One of them, on a machine of its own."),
    config: Path | None = ConfigOption,
) -> None:
    """Run the console, the public pages and, where it has a port, the drill room until it is told to stop.

    \b
    Example: alertd web --only public
    """
    log_to_stderr()
    site = Site.open(settings(context, config))
    try:
        console = import_module("operator_console.app")  # an adapter: the engine does not depend on it
        factories = {
            Part.CONSOLE: console.console_app,
            Part.PUBLIC: console.public_app,
            Part.DRILL: console.drill_app,
        }
        wanted = [only] if only is not None else _parts(site.config.web)
        places = {part: _place(site.config.web, part) for part in wanted}
        sockets = {part: _listening(*place) for part, place in places.items()}
        connection = import_module("operator_console.connection").connection
        proxies = site.config.subscribe.proxies
        servers = []
        for part in wanted:
            made = factories[part](site)
            kind = connection(proxies, getattr(made, "turned_away", None))
            servers.append((_server(made, kind), sockets[part]))
        _allow_connections()
        if Part.PUBLIC in wanted:
            os.nice(site.config.web.nice)
        # callbacks wait for each other's threads; the interpreter's own 5 ms would add up
        sys.setswitchinterval(SWITCH)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(servers))
    finally:
        site.close()


class _Server(uvicorn.Server):
    """Leaves the signals to us: two servers share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(application: object, connection: type[asyncio.Protocol]) -> _Server:
    options = uvicorn.Config(
        application,  # type: ignore[arg-type]
        http=connection,
        ws="none",
        log_config=None,
        log_level="error",  # what strangers send wrongly is no news
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=15,
    )
    return _Server(options)


async def _serve(servers: list[tuple[_Server, socket.socket]]) -> None:
    def stop() -> None:
        for server, _ in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await asyncio.gather(*(server.serve(sockets=[listening]) for server, listening in servers))


def _allow_connections() -> None:
    """As many open files as this user may have: a flood of connections must not keep the database's shut."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _parts(web: Web) -> list[Part]:
    """The servers that the configuration wants."""
    return [part for part in Part if part is not Part.DRILL or web.drill_port]


def _place(web: Web, part: Part) -> tuple[str, int]:
    places = {
        Part.CONSOLE: (web.host, web.port),
        Part.PUBLIC: (web.public_host, web.public_port),
        Part.DRILL: (web.drill_host, web.drill_port),
    }
    return places[part]


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise WrongConfiguration(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port in [web]"
        ) from error
