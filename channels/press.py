"""The press channel: a mail to newspapers and broadcasters, with the text as PDF and the CAP document.

The same mails over the same connections as the e-mail channel, with two attachments: paper for
the desk of an editor, and a document for machines. Its contacts are of a kind of their own, so
that no resident gets what is meant for the press.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from alertd.channel import ChannelSettings, Message, Part
from channels.email import EmailChannel
from channels.email_settings import EmailSettings
from channels.press_mail import PressMail


class PressSettings(EmailSettings):
    """`[channels.NAME] kind = "press"`: the keys of kind `email`."""


class PressChannel(EmailChannel):
    """Hands mails with attachments over to mail relays."""

    Settings: ClassVar[type[ChannelSettings]] = PressSettings

    def mail_of(self, message: Message, /) -> PressMail:
        """The text, and what is attached to it. Raises WrongInput."""
        return PressMail.of(message, self._settings)

    def preview(self, message: Message, /) -> Sequence[Part]:
        """As the e-mail channel's, and what is attached."""
        attached = ", ".join(name for name, _, _ in self.mail_of(message).attached)
        return (*super().preview(message), Part("添付 / Attached", "text/plain", attached))
