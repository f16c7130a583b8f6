"""The crate: makes mails of parcels, and receipts of what relays say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from alertd.channel import Message, Outcome, Reason, Receipt, Target
from alertd.errors import WrongInput
from alertd.outbox import Outbox, Parcel
from channels.email_address import mailbox
from channels.email_settings import EmailSettings
from channels.smtp_pipeline import SILENT, Mail
from channels.smtp_reply import receipt_of
from channels.smtp_verdict import Stage, Verdict


class Template(Protocol):
    """A mail without its recipient."""

    def for_target(self, target: Target, recipient: str, /) -> bytes:
        """The whole mail; raises WrongInput."""
        ...


class Crate:
    """One outbox, as the connections of a channel see it: mails in, verdicts out."""

    def __init__(
        self, outbox: Outbox, settings: EmailSettings, mail_of: Callable[[Message], Template]
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._mail_of = mail_of
        #: by the identity of the message, which is kept with it
        self._templates: dict[int, tuple[Message, Template | WrongInput]] = {}

    def next(self) -> Mail | None:
        """The next mail; what cannot be one is ended on the way."""
        while (parcel := self._outbox.take()) is not None:
            template = self._template(parcel.message)
            if isinstance(template, WrongInput):
                self._outbox.end(parcel, _unfit(parcel, Reason.REFUSED, str(template)))
                continue
            try:
                recipient = mailbox(parcel.target.address)
            except ValueError as error:
                self._outbox.end(parcel, _unfit(parcel, Reason.BAD_ADDRESS, str(error)))
                continue
            try:
                data = template.for_target(parcel.target, recipient)
            except WrongInput as error:
                self._outbox.end(parcel, _unfit(parcel, Reason.REFUSED, str(error)))
                continue
            sender = self._settings.envelope_sender(parcel.target.key)
            commands = (
                f"MAIL FROM:<{sender}>\r\n".encode(),
                f"RCPT TO:<{recipient}>\r\n".encode(),
                b"DATA\r\n",
            )
            return Mail((parcel,), commands, data + b".\r\n")
        return None

    def begin(self, mail: Mail) -> bool:
        """Notes that its bytes leave now; False = they must not."""
        return all([self._outbox.begin(parcel) for parcel in mail.parcels])

    def decided(self, mail: Mail, verdict: Verdict) -> None:
        """Raises ChannelMisconfigured when our sender is refused; then nobody's receipt is written."""
        receipts = [
            receipt_of(mail.refused.get(place, verdict), parcel.target.key)
            for place, parcel in enumerate(mail.parcels)
        ]
        for parcel, receipt in zip(mail.parcels, receipts, strict=True):
            self._outbox.end(parcel, receipt)

    def lost(self, mail: Mail, stage: Stage, why: str) -> None:
        """Beyond the dot it is in doubt; before, it is tried again."""
        if stage is Stage.DOT:
            outcome, reason = Outcome.UNKNOWN, Reason.IN_DOUBT
        else:
            outcome, reason = Outcome.DEFERRED, Reason.TIMEOUT if why is SILENT else Reason.UNREACHABLE
        for place, parcel in enumerate(mail.parcels):
            refused = mail.refused.get(place)
            key = parcel.target.key
            lost = Receipt(key=key, outcome=outcome, reason=reason, detail=f"{why} ({stage.name})")
            self._outbox.end(parcel, lost if refused is None else receipt_of(refused, key))

    def give_back(self, mail: Mail) -> None:
        """Puts its parcels back, to be taken first."""
        for parcel in reversed(mail.parcels):
            self._outbox.put_back(parcel)

    def _template(self, message: Message) -> Template | WrongInput:
        """The mail without its recipient; raises ChannelMisconfigured for a status not carried here."""
        known = self._templates.get(id(message))
        if known is None:
            self._settings.must_carry(message.status)
            try:
                known = (message, self._mail_of(message))
            except WrongInput as error:
                known = (message, error)
            self._templates[id(message)] = known
        return known[1]


def _unfit(parcel: Parcel, reason: Reason, detail: str) -> Receipt:
    return Receipt(key=parcel.target.key, outcome=Outcome.FAILED, reason=reason, detail=detail)
