"""The Apprise channel: any service that the Apprise library knows, each by a name of its own.

The addresses of services hold their passwords, so they lie in a file of secrets, one a
line: `name = service://…`. A recipient's address is a name. What Apprise tells of a
service is yes or no, so a no is tried again, and nothing is ever said to have arrived.
Needs the extra `alertd[apprise]`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from alertd.channel import (
    ChannelSettings,
    InDoubt,
    Message,
    Outcome,
    Pace,
    Part,
    Reason,
    Receipt,
    Target,
    Traits,
)
from alertd.errors import ChannelMisconfigured

_LINE = re.compile(r"\s*([A-Za-z0-9_.-]{1,64})\s*=\s*(\S+)\s*")


class AppriseSettings(ChannelSettings):
    """`services` is given as `services_file`."""

    #: one service a line: name = service://…
    services: SecretStr
    per_second: float = Field(default=5.0, gt=0)


class AppriseChannel:
    """Hands over by Apprise, one service after the other."""

    Settings: ClassVar[type[ChannelSettings]] = AppriseSettings

    def __init__(self, name: str, settings: AppriseSettings, /) -> None:
        self.name = name
        self._settings = settings
        self._services: Mapping[str, Any] | None = None

    @property
    def traits(self) -> Traits:
        return Traits(batch_size=5, pace=Pace(self._settings.per_second), in_doubt=InDoubt.RESEND_ACTUAL)

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        """One notification to each service, in their order."""
        self._settings.must_carry(message.status)
        for target in targets:
            service = self._opened().get(target.address)
            if service is None:
                yield Receipt(
                    key=target.key,
                    outcome=Outcome.FAILED,
                    reason=Reason.BAD_ADDRESS,
                    detail="services_file has no service by this name",
                )
            elif service.notify(title=message.headline, body=message.text, interpret_escapes=False):
                yield Receipt(key=target.key, outcome=Outcome.ACCEPTED)
            else:
                yield Receipt(
                    key=target.key,
                    outcome=Outcome.DEFERRED,
                    reason=Reason.OTHER,
                    detail="the service did not take it over",
                )

    def preview(self, message: Message, /) -> Sequence[Part]:
        """The words as they would be handed over."""
        return (Part(message.headline, "text/plain", message.text),)

    def close(self) -> None:
        """Nothing stays open between two notifications."""

    def _opened(self) -> Mapping[str, Any]:
        if self._services is not None:
            return self._services
        try:
            import apprise
        except ImportError as error:
            raise ChannelMisconfigured("Apprise is not installed; install alertd[apprise]") from error
        # it logs addresses of services, and words
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        found: dict[str, Any] = {}
        for number, line in enumerate(self._settings.services.get_secret_value().splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            service = apprise.Apprise()
            if match is None or not service.add(match[2]):
                raise ChannelMisconfigured(f"line {number} of services_file is no “name = service://…”")
            found[match[1]] = service
        self._services = found
        return found
