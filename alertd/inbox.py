"""The inbox: what comes in by mail is a bounce, a canary that sings, a blank mail, or nothing of ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from email.message import Message
from enum import StrEnum

from alertd import address, answerable, bounce, canary, mail_document, receive, subscribe
from alertd.bounce import Bounce
from alertd.channel import Outcome, Receipt
from alertd.db import writing
from alertd.errors import WrongRecipients
from alertd.language import NAMES as LANGUAGES
from alertd.letter import LETTER, Fate
from alertd.messages import DELIVERY
from alertd.site import Site
from alertd.subscribe import TooMany
from alertd.subscription import How
from alertd.tables import DeliveryRow, LetterRow
from alertd.token import unseal_folded

log = logging.getLogger(__name__)

#: what stands in a return path for the key
KEY = "{key}"
_CANARY = re.compile(r"/r/([A-Za-z0-9_-]{43})")
#: of a mail, in characters, in which a canary's token is looked for
_LOOKED_AT = 20_000


class Taken(StrEnum):
    """What became of a mail that came in."""

    #: it told of a mail of ours that did not arrive
    BOUNCE = "bounce"
    #: it is a canary's
    CANARY = "canary"
    #: it asked to register, and a letter is on its way
    ANSWERED = "answered"
    #: it asked to register, and is not answered
    UNANSWERED = "unanswered"
    #: nothing of ours
    IGNORED = "ignored"


def take_in(site: Site, sender: str, recipients: Sequence[str], document: bytes) -> Taken:
    """Takes in one mail; `sender` and `recipients` are of its envelope, "" = the null sender.

    Twice is harmless: a bounce is recorded once, a letter is sent to nobody too often.
    """
    message = mail_document.read(document)
    taken = Taken.IGNORED
    for recipient in recipients:
        token = _key_in(site, recipient)
        if token is not None:
            taken = _take_bounce(site, token, message)
        elif (blank := _blank_mail(site, recipient)) is not None:
            taken = _answer(site, sender, message, blank)
        elif _sings(site, message):
            taken = Taken.CANARY
    log.info("a mail came in: %s", taken)
    return taken


# bounces ------------------------------------------------------------------------------


def _key_in(site: Site, recipient: str) -> str | None:
    """The key in the address, when it is a return path of ours."""
    for settings in site.settings.values():
        path = getattr(settings, "return_path", None)
        if path and KEY in path:
            before, _, after = path.partition(KEY)
            found = re.fullmatch(
                f"{re.escape(before)}([0-9]+-[A-Za-z0-9_-]+){re.escape(after)}", recipient, re.IGNORECASE
            )
            if found is not None:
                return found[1]
    return None


def _take_bounce(site: Site, token: str, message: Message) -> Taken:
    """Records what a server said of a mail, under the alert and the recipient that its return path names.

    A path that nobody of us made has no effect.
    """
    delivery = unseal_folded(site.secret, DELIVERY, token)
    letter = unseal_folded(site.secret, LETTER, token)
    found = bounce.read(message)
    if found is None or found.reason is None or (delivery is None and letter is None):
        return Taken.IGNORED
    with writing(site.engine) as session:
        now = site.clock.now()
        if delivery is not None:
            row = session.get(DeliveryRow, delivery)
            if row is None or row.attempt < 1:
                return Taken.IGNORED
            receive.record(session, site, delivery, row.attempt, _receipt(token, found), now)
        elif letter is not None:
            written = session.get(LetterRow, letter)
            if written is None or written.used_at is not None:
                return Taken.IGNORED
            written.fate, written.due_at, written.detail = Fate.BOUNCED, None, found.detail[:300]
    return Taken.BOUNCE


def _receipt(token: str, found: Bounce) -> Receipt:
    return Receipt(key=token, outcome=Outcome.FAILED, reason=found.reason, detail=f"bounce: {found.detail}")


# blank mails --------------------------------------------------------------------------


def _blank_mail(site: Site, recipient: str) -> str | None:
    """The language that a blank mail to this address asks in: of its `+tag`, else the city's first."""
    local, _, domain = recipient.lower().rpartition("@")
    plain, _, tag = local.partition("+")
    if f"{plain}@{domain}" not in {one.lower() for one in site.config.inbox.blank_mail}:
        return None
    return next((name for name in LANGUAGES if name.lower() == tag), site.config.city.languages[0])


def _answer(site: Site, sender: str, message: Message, language: str) -> Taken:
    why = answerable.why_not(message, sender, site.config.inbox.authserv)
    author = answerable.address_of(message)
    if why is not None or author is None:
        log.info("a blank mail is not answered: %s", why)
        return Taken.UNANSWERED
    try:
        subscribe.ask(site, address.email(author), language=language, how=How.MAIL, network=None)
    except (WrongRecipients, TooMany) as error:
        log.info("a blank mail is not answered: %s", type(error).__name__)
        return Taken.UNANSWERED
    return Taken.ANSWERED


# canaries -----------------------------------------------------------------------------


def _sings(site: Site, message: Message) -> bool:
    for part in message.walk():
        if part.get_content_maintype() == "text":
            body = part.get_payload(decode=True)
            text = body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
            found = _CANARY.search(text[:_LOOKED_AT])
            if found is not None and canary.arrived(site, found[1]):
                return True
    return False
