"""The keys of a `[channels.NAME]` section with `kind = "voice"`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Literal

from pydantic import Field

from alertd.channel import Reason
from channels.call_script import Menu
from channels.twilio_settings import TwilioSettings, Url


class VoiceSettings(TwilioSettings):
    """Times are in seconds."""

    attempts: int = 3
    retry_after: tuple[float, ...] = (180.0, 300.0)
    retry_after_reason: Mapping[Reason, float] = {
        Reason.BUSY: 60.0,
        Reason.UNREACHABLE: 30.0,
        Reason.RATE_LIMITED: 10.0,
    }
    retry_after_extreme: tuple[float, ...] = (60.0, 120.0)
    retry_when_severe: tuple[Reason, ...] = (Reason.MACHINE,)
    quiet_hours: tuple[time, ...] = (time(21), time(7))
    first_groups: tuple[str, ...] = ("自治会長", "民生委員")
    danger_groups: tuple[str, ...] = ("土砂区域", "浸水区域")
    #: the number that people see, and can call back; E.164
    caller_id: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$")
    ring_seconds: int = Field(default=30, ge=5, le=600)
    #: the longest call
    time_limit: int = Field(default=180, ge=30, le=14400)
    #: calls under way at a time
    lines: int = Field(default=10, ge=1)
    #: no second sees more of them at the far end, over all workers; when it asks for a pause (429 with
    #: Retry-After), the whole channel waits
    calls_per_second: float = Field(default=1.0, gt=0)
    #: `understood`: 1; `status`: 1 evacuating, 2 staying, 3 needs help
    answer_menu: Menu = "understood"
    #: what the far end fetches: a telephone line's own sound, or MP3 at 16 kHz for those that carry more
    audio: Literal["ulaw", "mp3"] = "ulaw"
    #: leaves the short message on answering machines; costs a person some seconds of silence
    machine_detection: bool = True
    #: after which the far end is asked what became of a call
    report_within: float = Field(default=300.0, gt=0)
    #: after which a call that cannot be found was surely never placed; at least 120 for Twilio
    reconcile_after: float = Field(default=120.0, gt=0)
    #: TwiML on another server, for when ours is down at the moment of answering
    fallback_url: Url | None = None
    #: the far end's voices by language, where they should differ from ours
    voices: Mapping[str, str] = {}
