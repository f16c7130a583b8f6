"""A post office: a site whose letters go to a simulated mail relay, and the mails that arrive there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import event

from alertd import postman
from alertd.channel import ChannelSettings
from alertd.config import Inbox
from alertd.demo.smtp_ledger import Mail
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.site import Site
from channels.email_settings import EmailSettings

BLANK_MAIL = "touroku@in.sanjo.example.jp"
#: the host that the receiving mail server signs its findings with
AUTHSERV = "mx.sanjo.example.jp"
CANARY = "canary@docomo.ne.jp"


@dataclass
class PostOffice:
    """A site and the relay that takes its letters."""

    site: Site
    relay: SimulatedSmtpServer
    _read: int = field(default=0)

    def post(self) -> list[Mail]:
        """Sends what is due; the mails that arrived by it."""
        postman.post(self.site)
        return self.arrived()

    def arrived(self) -> list[Mail]:
        """The mails that have come in since it was last asked."""
        new = list(self.relay.mails[self._read :])
        self._read += len(new)
        return new

    def link(self, mail: Mail | None = None) -> str:
        """The path of the link in a mail, else in the only one that `post` sends."""
        if mail is None:
            (mail,) = self.post()
        found = re.search(r"http://[^/]+(/r/[A-Za-z0-9_-]+)", text_of(mail))
        assert found is not None, text_of(mail)
        return found[1]


def text_of(mail: Mail) -> str:
    """The text of a mail, with line feeds."""
    return str(mail.parsed().get_content()).replace("\r\n", "\n")


def hurry(site: Site) -> None:
    """Lets a site's SQLite commit without waiting for the disk: no test here cuts the power."""
    if site.engine.dialect.name == "sqlite":
        event.listen(site.engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
        site.engine.dispose()


@contextmanager
def post_office(site: Site, **changes: object) -> Iterator[PostOffice]:
    """Gives a site a mail section that writes letters, and an inbox; `changes` are keys of the section."""
    hurry(site)
    with SimulatedSmtpServer() as relay:
        table: dict[str, object] = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": relay.port,
            "sender": "bosai@sanjo.example.jp",
            "sender_name": "三条市",
            "return_path": "bounce+{key}@in.sanjo.example.jp",
            "carries": ["Actual", "Exercise", "Test"],
        }
        sections = cast("dict[str, ChannelSettings]", site.config.channels)
        sections["letters"] = EmailSettings.model_validate({**table, **changes})
        inbox = Inbox(blank_mail=(BLANK_MAIL,), authserv=(AUTHSERV,), canaries=(CANARY,))
        object.__setattr__(site.config, "inbox", inbox)
        yield PostOffice(site, relay)
