"""`alertd mail`: what comes in by mail: blank mails, bounces, canaries."""

from __future__ import annotations

import signal
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from alertd.cli.app import say
from alertd.cli.installation import ConfigOption, log_to_stderr, opened, settings
from alertd.site import Site

app = typer.Typer(
    help="Take in mail: blank mails, bounces, canaries.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

#: what mail servers take for "try again later" (sysexits.h)
TEMPFAIL = 75


@app.command()
def listen(
    context: typer.Context,
    port: Annotated[int | None, typer.Option("--port", help="Instead of [inbox] port.")] = None,
    config: Path | None = ConfigOption,
) -> None:
    """Run the listener of [inbox] (LMTP or SMTP) until it is told to stop.

    \b
    Example: alertd mail listen --port 8724
    """
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    found = settings(context, config)
    site = Site.open(found)
    try:
        from alertd import inbox

        listener = import_module("channels.mail_in").Listener(  # an adapter: the engine does not depend on it
            lambda sender, recipients, document: inbox.take_in(site, sender, recipients, document),
            host=found.inbox.host,
            port=found.inbox.port if port is None else port,
            protocol=found.inbox.protocol,
        )
        listener.start()
        try:
            host, at = listener.place
            say(f"listening for mail at {host}:{at} ({found.inbox.protocol})")
            stop.wait()
        finally:
            listener.stop()
    finally:
        site.close()


@app.command()
def receive(
    context: typer.Context,
    sender: Annotated[str, typer.Option("--sender", help="Of the envelope; empty = null sender.")],
    recipient: Annotated[list[str], typer.Option("--recipient", help="Of the envelope; may be repeated.")],
    config: Path | None = ConfigOption,
) -> None:
    """Take in one mail from standard input, for mail servers that call a program.

    The exit code is 0 when it was taken in, whatever it was, and 75 when the server
    should try again later.

    \b
    Example, in Postfix's master.cf (on one line):
      alertd unix - n n - 4 pipe user=alertd
        argv=/usr/bin/alertd mail receive --sender=${sender} --recipient=${recipient}
    """
    document = sys.stdin.buffer.read()
    try:
        with opened(context, config) as site:
            from alertd import inbox

            print(inbox.take_in(site, sender if sender != "<>" else "", recipient, document))
    except Exception as error:
        say(f"alertd: the mail could not be taken in ({type(error).__name__}); try again later")
        raise typer.Exit(TEMPFAIL) from error
