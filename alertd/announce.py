"""Announcing: as soon as the first person is sent a real alert, whoever may approve is told by another way.

An alert that nobody in the office knows of is stopped by nobody. So the relay looks several
times a second, in a thread of its own for each way, whether the first hand-over of a real
alert has begun, and tells it by a mail server of its own, a webhook, or both (`[announce]`).
Neither the fan-out nor a way that hangs holds the other up. Each dispatch is told once, and
again only when it is not known whether the first time arrived.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage

from sqlalchemy.exc import SQLAlchemyError

from alertd import audit, fetch, hook, store
from alertd.city import JST
from alertd.clock import stopwatch
from alertd.config import Announce
from alertd.db import reading, writing
from alertd.errors import AlertdError, ChannelUnavailable
from alertd.outbound import networks
from alertd.site import Site
from alertd.store import announced

log = logging.getLogger(__name__)

#: the alarm that is on while nobody could be told
ALARM = "announce"
#: how often it looks, in seconds
EVERY = 0.3
#: for an answer of the mail server, in seconds
PATIENCE = 4.0
#: who took it upon themselves and was not heard of since may be dead
GIVEN_UP = timedelta(seconds=15)
#: between two attempts
AGAIN = timedelta(seconds=3)
#: later than this it is no news
NEWS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A real alert of which the first hand-over has begun."""

    dispatch_id: int
    identifier: str
    headline: str
    at: datetime
    #: names of those who wrote it, and who let it go; None = not known
    written_by: str | None
    approved_by: str | None
    #: one person let it go alone
    alone: bool
    channels: tuple[str, ...]
    #: it calls off another one
    correction: bool


Way = Callable[[Site, Begun], int]


class Crier:
    """Looks and tells, until it is closed; does nothing where no way is set up. Any number of them may."""

    def __init__(self, site: Site) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._cry, args=(site, name, way), name=f"announce-{name}", daemon=True)
            for name, way in ways(site.config.announce).items()
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Ends it after what is being told; may be called twice."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _cry(self, site: Site, name: str, way: Way) -> None:
        while not self._stop.is_set():
            try:
                announce(site, name, way)
            except SQLAlchemyError as error:
                log.warning("the database does not answer: %s", error.__class__.__name__)
            except Exception:
                log.exception("what has begun could not be told by %s", name)
                self._stop.wait(AGAIN.total_seconds())
            self._stop.wait(EVERY)


def ways(settings: Announce) -> Mapping[str, Way]:
    """The ways that are set up, by name."""
    found: dict[str, Way] = {}
    if settings.host and settings.to:
        found["mail"] = _by_mail
    if settings.url:
        found["webhook"] = _by_webhook
    return found


def announce(site: Site, name: str, way: Way) -> int:
    """Tells by one way what has begun and was not told yet; how many dispatches.

    1. Take one upon ourselves, so that nobody else tells it.
    2. Tell it; no transaction is open meanwhile.
    3. Note that, or when to try again.
    """
    told = 0
    now = site.clock.now()
    with reading(site.engine) as session:
        waiting = announced.waiting(session, name, now, since=now - NEWS)
    for number in waiting:
        with writing(site.engine) as session:
            now = site.clock.now()
            if not announced.take(session, number, name, now, until=now + GIVEN_UP):
                continue
            begun = _begun(announced.begun(session, number))
        began = stopwatch()
        try:
            people, trouble = way(site, begun), None
        except (AlertdError, OSError, smtplib.SMTPException, ValueError) as error:
            people, trouble = 0, f"{name}: {type(error).__name__}"
        with writing(site.engine) as session:
            now = site.clock.now()
            if trouble is not None:
                announced.try_again(session, number, name, now + AGAIN)
                message = (
                    f"nobody could be told by {trouble} that dispatch {number} goes out; tell them yourself"
                )
                store.raise_alarm(session, f"{ALARM}:{number}", message, now)
                log.warning("dispatch %s could not be announced by %s", number, trouble)
                continue
            announced.told(session, number, name, now)
            store.clear_alarm(session, f"{ALARM}:{number}")
            detail = {"way": name, "people": people, "after": round((now - begun.at).total_seconds(), 1)}
            audit.note(
                session,
                at=now,
                actor=audit.ENGINE,
                action="dispatch.announced",
                subject=f"dispatch:{number}",
                detail=detail,
            )
        log.info("dispatch %s announced by %s in %.1f s", number, name, stopwatch() - began)
        told += 1
    return told


def letter(site: Site, begun: Begun) -> EmailMessage:
    """The mail about it, in Japanese and English."""
    settings, city = site.config.announce, site.config.city
    headline = " ".join(begun.headline.split())
    page = f"{site.config.console_url}/alerts/{begun.dispatch_id}"
    what = "取消・訂正が発信されました" if begun.correction else "本番発報されました"
    alone = "（緊急のため一人で発信）" if begun.alone else ""
    mail = EmailMessage()
    mail["Subject"] = f"【{what}】{headline}"
    mail["From"] = settings.sender
    mail["To"] = f"{city.name}の承認者 <{settings.sender}>"
    mail["Date"] = begun.at
    mail["Message-ID"] = f"<announced.{begun.dispatch_id}.{begun.identifier}@alertd.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        f"{what}。これは訓練ではありません。\n\n"
        f"件名：{headline}\n"
        f"開始：{begun.at.astimezone(JST):%Y-%m-%d %H:%M:%S}\n"
        f"起案：{begun.written_by or '—'}　承認：{begun.approved_by or '—'}{alone}\n"
        f"手段：{'、'.join(begun.channels)}\n\n"
        f"状況と停止ボタン：{page}\n"
        "心当たりがないとき、内容が誤っているときは、すぐに停止してください。\n\n"
        "---\n"
        f"A real alert is going out: {headline}\n"
        f"Since {begun.at.astimezone(JST):%H:%M:%S} (Japan), over {', '.join(begun.channels)}.\n"
        f"Watch it, or stop it: {page}\n"
    )
    return mail


# ways ---------------------------------------------------------------------------------


def _by_mail(site: Site, begun: Begun) -> int:
    """One mail to everybody at once; how many took it. Raises OSError or SMTPException."""
    settings = site.config.announce
    trusted = ssl.create_default_context()
    if settings.tls == "tls":
        line: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=PATIENCE, context=trusted)
    else:
        line = smtplib.SMTP(settings.host, settings.port, timeout=PATIENCE)
    with line:
        if settings.tls == "starttls":
            line.starttls(context=trusted)
        if settings.username and settings.password is not None:
            line.login(settings.username, settings.password.get_secret_value())
        addresses = list(settings.to.values())
        refused = line.send_message(letter(site, begun), settings.sender, addresses)
    if refused:
        log.warning("%s of %s addresses of [announce] were refused", len(refused), len(addresses))
    return len(addresses) - len(refused)


def _by_webhook(site: Site, begun: Begun) -> int:
    """Signed as every webhook is (`alertd.hook`). Raises ChannelUnavailable or WrongConfiguration."""
    settings, now = site.config.announce, site.clock.now()
    said = {
        "event": "announced",
        "dispatch": begun.dispatch_id,
        "identifier": begun.identifier,
        "headline": begun.headline,
        "at": begun.at.isoformat(),
        "channels": begun.channels,
        "alone": begun.alone,
        "correction": begun.correction,
        "url": f"{site.config.console_url}/alerts/{begun.dispatch_id}",
    }
    body = json.dumps(said, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        hook.HEADER: hook.signature(hook.secret(site, settings.url), body, now),
    }
    status = fetch.post(settings.url, body, headers, inside=networks(site.config.feeds.inside))
    if not 200 <= status < 300:
        raise ChannelUnavailable(f"HTTP {status}")
    return 1


def _begun(row: announced.Row) -> Begun:
    return Begun(
        dispatch_id=row.id,
        identifier=row.identifier,
        headline=row.headline,
        at=row.first_at,
        written_by=row.written_by,
        approved_by=row.approved_by,
        alone=row.alone,
        channels=tuple(row.channels),
        correction=row.correction,
    )
