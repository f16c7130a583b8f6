"""Messages: the approved words and sounds of a dispatch, as the channels take them."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from urllib.parse import quote
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from alertd import artefact, cap, marks, papers, store
from alertd.alert import Alert, Status
from alertd.channel import Message, Target
from alertd.errors import AlertdError, WrongAlert
from alertd.render import Words
from alertd.site import Site
from alertd.speech import Sound
from alertd.tables import AlertRow, ArtefactRow, DispatchRow
from alertd.token import sealer

#: what the keys of deliveries are sealed for
DELIVERY = "delivery"
#: what the tokens for leaving the list are sealed for
STOP = "stop"
#: what the tokens for asking to change what one receives are sealed for
CHANGE = "change"


class NotAsApproved(AlertdError):
    """What is stored is not what was approved; it is not sent."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A dispatch as its senders need it: the messages by language, and whether it still goes on."""

    status: Status
    messages: dict[str, Message]


class Messages:
    """One channel's messages, checked against the approved hash when they are first needed."""

    #: dispatches that are remembered
    _MOST = 64

    def __init__(self, site: Site, channel: str) -> None:
        # weak: the site keeps its books, not the other way round
        self._site = weakref.proxy(site)
        self._channel = channel
        self._known: dict[int, Sending] = {}
        self._guard = threading.Lock()

    def of(self, session: Session, dispatch_id: int) -> Sending:
        """The messages of a dispatch. Raises NotAsApproved when anything was changed."""
        with self._guard:
            known = self._known.get(dispatch_id)
        if known is not None:
            return known
        sending = _read(session, self._site, dispatch_id, self._channel)
        with self._guard:
            if len(self._known) >= self._MOST:
                self._known.clear()
            self._known[dispatch_id] = sending
        return sending


_books: WeakKeyDictionary[Site, dict[str, Messages]] = WeakKeyDictionary()
_books_guard = threading.Lock()


def book(site: Site, channel: str) -> Messages:
    """The messages of a channel; the same ones for as long as the site is open."""
    with _books_guard:
        books = _books.setdefault(site, {})
        if channel not in books:
            books[channel] = Messages(site, channel)
        return books[channel]


def _read(session: Session, site: Site, dispatch_id: int, channel: str) -> Sending:
    row = session.get_one(DispatchRow, dispatch_id)
    document = session.get_one(AlertRow, row.alert_id)
    if papers.stored_hash(session, row, document) != row.content_hash or row.approved_by is None:
        raise NotAsApproved(f"dispatch {dispatch_id} is not what was approved; it is not sent")
    alert = cap.parse(document.document)
    if alert.status not in site.settings[channel].carries:
        raise NotAsApproved(f"channel “{channel}” does not carry {alert.status}")
    messages: dict[str, Message] = {}
    for made in store.artefacts(session, dispatch_id):
        if made.channel == channel:
            words = Words(headline=made.headline, text=made.text, short_text=made.short_text, script=None)
            try:
                marks.gate(words, alert.status, made.language)
            except WrongAlert as error:
                raise NotAsApproved(str(error)) from error
            messages[made.language] = _message(site, alert, row, made, document.document)
    return Sending(alert.status, messages)


def _message(site: Site, alert: Alert, row: DispatchRow, made: ArtefactRow, document: bytes) -> Message:
    sound = _sound(site, made)
    return Message(
        identifier=alert.identifier,
        kind=alert.msg_type,
        status=alert.status,
        language=made.language,
        headline=made.headline,
        text=made.text,
        short_text=made.short_text,
        sent=alert.sent,
        expires=row.expires_at,
        references=alert.references,
        audio=sound,
        end_signal=_end_signal(site, made.channel),
        audio_url=f"{site.config.public_url}/audio/{sound.path.name}" if sound else None,
        document=document,
    )


def _end_signal(site: Site, channel: str) -> Sound | None:
    traits = site.channel(channel).traits
    return artefact.kept_end_signal(site.config.storage / "audio", traits)


def _sound(site: Site, made: ArtefactRow) -> Sound | None:
    format = site.channel(made.channel).traits.audio
    if made.audio_digest is None or format is None:
        return None
    path = artefact.archived(site.config.storage / "audio", made.audio_digest)
    if path is None:
        return None
    return Sound(
        digest=made.audio_digest,
        path=path,
        seconds=made.audio_seconds or 0.0,
        format=format,
        voice=made.voice or "",
        reading=made.reading or "",
        unread=made.unread or "",
    )


def target(
    site: Site,
    channel: str,
    delivery_id: int,
    attempt: int,
    address: str,
    contact_id: int,
    *,
    repeat: int = 0,
) -> Target:
    """Where one hand-over goes; the key is the same over all attempts."""
    return Addressing(site, channel).of(delivery_id, attempt, address, contact_id, repeat=repeat)


class Addressing:
    """Makes the targets of a channel: what is the same for all of them is made once."""

    def __init__(self, site: Site, channel: str) -> None:
        base = site.config.public_url
        self._key = sealer(site.secret, DELIVERY)
        self._stop_token, self._change_token = sealer(site.secret, STOP), sealer(site.secret, CHANGE)
        self._answer = f"{base}/callbacks/{quote(channel)}?key="
        self._stop, self._change = f"{base}/stop/", f"{base}/change/"

    def of(self, delivery_id: int, attempt: int, address: str, contact_id: int, *, repeat: int = 0) -> Target:
        """Where one hand-over goes; tokens need no quoting in a URL."""
        key = self._key(delivery_id)
        return Target(
            key=key,
            attempt=attempt,
            address=address,
            answer_url=f"{self._answer}{key}&attempt={attempt}",
            stop_url=self._stop + self._stop_token(contact_id),
            repeat=repeat,
            change_url=self._change + self._change_token(contact_id),
        )
