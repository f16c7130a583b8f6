"""The keys of a `[channels.NAME]` section with `kind = "sip"`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from pathlib import Path

from pydantic import Field

from alertd.channel import Reason
from channels.call_script import Menu
from channels.exchange_settings import ExchangeSettings


class SipSettings(ExchangeSettings):
    """People who are called over one exchange. Times are in seconds."""

    attempts: int = 3
    retry_after: tuple[float, ...] = (180.0, 300.0)
    retry_after_reason: Mapping[Reason, float] = {Reason.BUSY: 60.0, Reason.UNREACHABLE: 30.0}
    retry_after_extreme: tuple[float, ...] = (60.0, 120.0)
    quiet_hours: tuple[time, ...] = (time(21), time(7))
    first_groups: tuple[str, ...] = ("自治会長", "民生委員")
    danger_groups: tuple[str, ...] = ("土砂区域", "浸水区域")
    #: calls under way at a time; each is a process of its own
    lines: int = Field(default=4, ge=1, le=25)
    #: silence after the answer: a handset needs a second from the cradle to the ear
    lead_in: float = Field(default=1.0, ge=0, le=10)
    #: how long a key is waited for after the menu
    key_wait: float = Field(default=10.0, ge=0, le=60)
    #: `understood`: 1; `status`: 1 evacuating, 2 staying, 3 needs help
    answer_menu: Menu = "understood"
    #: folder with the spoken menu, thanks and closing, made by `python -m channels.sip_words`;
    #: None = only the message is heard, and a pressed key is confirmed by a tone
    words: Path | None = None
    #: calling codes of the countries that may be called
    countries: tuple[int, ...] = (81,)

    @property
    def reaches(self) -> str:
        """The telephone numbers that the voice channel calls."""
        return "voice"
