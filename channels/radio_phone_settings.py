"""The keys of a `[channels.NAME]` section with `kind = "radio_phone"`, and what a group is called."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import Field, SecretStr, field_validator

from alertd.channel import Reason
from channels.exchange_settings import ExchangeSettings
from channels.telephone_number import objection

_GROUP = re.compile(r"[0-9*#]{1,8}", re.ASCII)


class RadioPhoneSettings(ExchangeSettings):
    """One control desk that is operated by telephone. A recipient's address is a group: `07`. Times in seconds."""

    attempts: int = 5
    retry_after: tuple[float, ...] = (15.0, 30.0, 60.0)
    retry_after_reason: Mapping[Reason, float] = {Reason.BUSY: 10.0}
    #: of the control desk, in E.164: +81256…
    number: str
    #: dialled after its answer, before the group
    pin: SecretStr
    #: from the answer to the first digit
    answer_wait: float = Field(default=2.0, ge=0, le=30)
    #: between PIN and group, and between group and speech
    digit_wait: float = Field(default=1.5, ge=0, le=30)

    @field_validator("pin")
    @classmethod
    def _can_be_dialled(cls, value: SecretStr) -> SecretStr:
        if re.fullmatch(r"[0-9*#]{1,16}", value.get_secret_value(), re.ASCII) is None:
            raise ValueError("must be 1 to 16 of 0-9 * #")
        return value

    @field_validator("number")
    @classmethod
    def _can_be_called(cls, value: str) -> str:
        doubt = objection(value, (81,))
        if doubt is not None:
            raise ValueError(doubt)
        return value


def group(address: str) -> str:
    """The digits of a group. Raises ValueError with what is wrong."""
    if _GROUP.fullmatch(address) is None:
        raise ValueError("the address is not a group's digits, such as 07")
    return address
