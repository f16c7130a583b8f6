"""The crate: makes mails of parcels, and receipts of what relays say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from alertd.channel import Message, Outcome, Reason, Receipt, Target
from alertd.errors import ChannelError, WrongInput
from alertd.outbox import Outbox, Parcel
from channels.email_address import mailbox
from channels.email_lanes import Lanes
from channels.email_settings import KEY, EmailSettings
from channels.smtp_pipeline import SILENT, Mail
from channels.smtp_reply import receipt_of, taken
from channels.smtp_verdict import Stage, Verdict


class Template(Protocol):
    """A mail without its recipient."""

    def for_target(self, target: Target, recipient: str, /) -> bytes:
        """The whole mail; raises WrongInput."""
        ...

    def for_many(self) -> bytes:
        """The whole mail for recipients who do not see each other."""
        ...


#: in the place of a delivery's key when a mail is for several
NOBODY = "0"


class Crate:
    """One outbox, as the connections of a channel see it: mails in, verdicts out."""

    def __init__(
        self,
        outbox: Outbox,
        settings: EmailSettings,
        mail_of: Callable[[Message], Template],
        lanes: Lanes | None = None,
    ) -> None:
        """`lanes` None = nobody can wait for a turn: all go at once."""
        self._outbox = outbox
        self._settings = settings
        self._many = settings.recipients_per_mail
        self._lanes = lanes or None
        self._mail_of = mail_of
        #: by the identity of the message, which is kept with it
        self._templates: dict[int, tuple[Message, Template | WrongInput]] = {}
        #: of the mail before: the next one is mostly of the same message
        self._last: tuple[Message | None, Template | WrongInput | None] = (None, None)
        before, key, behind = (settings.return_path or settings.sender).partition(KEY)
        self._before_key = f"MAIL FROM:<{before}"
        self._behind_key = f"{behind}>\r\nRCPT TO:<"
        self._keyed = bool(key)

    def next(self) -> Mail | None:
        """The next mail; what cannot be one is ended or postponed on the way."""
        if self._many > 1:
            return self._next_for_many()
        while (found := self._take()) is not None:
            parcel, template, recipient = found
            try:
                data = template.for_target(parcel.target, recipient)
            except WrongInput as error:
                self._end(parcel, _unfit(parcel, Reason.REFUSED, str(error)))
                continue
            key = parcel.target.key if self._keyed else ""
            commands = f"{self._before_key}{key}{self._behind_key}{recipient}>\r\nDATA\r\n".encode()
            return Mail((parcel,), commands, data)
        return None

    def _next_for_many(self) -> Mail | None:
        """One mail to several recipients of the same message, none of whom sees the others."""
        parcels: list[Parcel] = []
        commands = [f"MAIL FROM:<{self._settings.envelope_sender(NOBODY)}>\r\n"]
        template: Template | None = None
        while len(parcels) < self._many and (found := self._take()) is not None:
            parcel, its_template, recipient = found
            if template is not None and its_template is not template:
                self._leave(parcel)
                self._outbox.put_back(parcel)
                break
            template = its_template
            parcels.append(parcel)
            commands.append(f"RCPT TO:<{recipient}>\r\n")
        if template is None:
            return None
        return Mail(parcels, "".join((*commands, "DATA\r\n")).encode(), template.for_many())

    def _take(self) -> tuple[Parcel, Template, str] | None:
        """The next parcel that can be sent now, its mail, and its recipient."""
        while (parcel := self._outbox.take()) is not None:
            message, template = self._last
            if parcel.message is not message or template is None:
                template = self._template(parcel)
                self._last = parcel.message, template
            if isinstance(template, WrongInput):
                self._outbox.end(parcel, _unfit(parcel, Reason.REFUSED, str(template)))
                continue
            try:
                recipient = mailbox(parcel.target.address)
            except ValueError as error:
                self._outbox.end(parcel, _unfit(parcel, Reason.BAD_ADDRESS, str(error)))
                continue
            if self._lanes is not None and (wait := self._lanes.enter(parcel.slot, recipient)):
                self._outbox.postpone(parcel, wait)
                continue
            return parcel, template, recipient
        return None

    def begin(self, mail: Mail) -> bool:
        """Notes that its bytes leave now; False = they must not."""
        if len(mail.parcels) == 1:
            return self._outbox.begin(mail.parcels[0])
        return all([self._outbox.begin(parcel) for parcel in mail.parcels])  # each, whatever is said of one

    def taken(self, mail: Mail, said: str) -> None:
        """Whose mail it was has it."""
        lanes, end = self._lanes, self._outbox.end
        for parcel in mail.parcels:
            if lanes is not None:
                lanes.leave(parcel.slot)
            end(parcel, taken(said, parcel.target.key))

    def decided(self, mail: Mail, verdict: Verdict) -> None:
        """Raises ChannelMisconfigured when our sender is refused; then nobody's receipt is written."""
        receipts = [
            receipt_of(mail.refused.get(place, verdict), parcel.target.key)
            for place, parcel in enumerate(mail.parcels)
        ]
        for parcel, receipt in zip(mail.parcels, receipts, strict=True):
            self._end(parcel, receipt)

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
            self._end(parcel, lost if refused is None else receipt_of(refused, key))

    def give_back(self, mail: Mail) -> None:
        """Puts its parcels back, to be taken first."""
        for parcel in reversed(mail.parcels):
            self._leave(parcel)
            self._outbox.put_back(parcel)

    def _end(self, parcel: Parcel, receipt: Receipt) -> None:
        if self._lanes is not None:
            self._lanes.leave(parcel.slot)
        self._outbox.end(parcel, receipt)

    def _leave(self, parcel: Parcel) -> None:
        if self._lanes is not None:
            self._lanes.leave(parcel.slot)

    def _template(self, parcel: Parcel) -> Template | WrongInput:
        """The mail without its recipient; raises ChannelMisconfigured for a status not carried here."""
        message = parcel.message
        known = self._templates.get(id(message))
        if known is None:
            try:
                self._settings.must_carry(message.status)
                known = (message, self._mail_of(message))
            except WrongInput as error:
                known = (message, error)
            except ChannelError:
                self._outbox.put_back(parcel)
                raise
            self._templates[id(message)] = known
        return known[1]


def _unfit(parcel: Parcel, reason: Reason, detail: str) -> Receipt:
    return Receipt(key=parcel.target.key, outcome=Outcome.FAILED, reason=reason, detail=detail)
