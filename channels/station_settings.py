"""What sections of stations have in common: how long, with which signals, and who listens to the air."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from alertd.alert import Severity
from alertd.channel import ChannelSettings, Reason
from alertd.signal import signal
from alertd.speech import Signals, Siren
from channels.air import Listener, Recording, is_stream
from channels.air_check import AirCheck


class StationSettings(ChannelSettings):
    """One station on the air. Times are in seconds."""

    #: hand-overs in all, until the delivery has failed
    attempts: int = 20
    #: seconds until the next attempt for one reason: the station's studio is done soon
    retry_after_reason: Mapping[Reason, float] = {Reason.BUSY: 5.0, Reason.TIMEOUT: 5.0}
    #: beyond its length, until the air must be given back; then it is taken off
    margin: float = Field(default=30.0, gt=0)
    #: the longest sound that may be aired
    longest: float = Field(default=600.0, gt=0)
    #: silence of the station's own between two airings
    gap: float = Field(default=1.0, ge=0)
    #: what is at least so severe takes what is less severe off the air, which is aired again afterwards
    cuts_in: Severity | None = Severity.SEVERE
    #: for a reply of the station
    timeout: float = Field(default=5.0, gt=0)
    #: a recording of the air that is being written (WAV, 16 bits): only what is heard there counts as aired …
    recording: Path | None = None
    #: … or a stream of it, as listeners have it: http or https; MP3, Ogg, FLAC or WAV
    air_stream: str = ""
    #: by how much the recording, or the stream, may lag behind
    recording_lag: float = Field(default=5.0, ge=0, le=120)
    #: before the words: DTMF digits such as "*12#", or the path of a sound file for receivers that
    #: listen for one (Comfis, EWS); "none" = nothing. The sounds of J-ALERT and EEW are never ours to send
    start_signal: str = "none"
    #: the same after the words, and after an airing that was cut short: switches receivers off again
    end_signal: str = "none"

    @field_validator("start_signal", "end_signal")
    @classmethod
    def _is_a_signal(cls, value: str) -> str:
        if isinstance(signal(value), Siren):
            raise ValueError("must be no siren: receivers do not listen for one")
        return value

    @field_validator("air_stream")
    @classmethod
    def _is_a_stream(cls, value: str) -> str:
        if value and not is_stream(value):
            raise ValueError('must be like "http://192.0.2.10:8000/live"')
        return value

    @model_validator(mode="after")
    def _one_ear(self) -> Self:
        if self.recording is not None and self.air_stream:
            raise ValueError('has both "recording" and "air_stream"; one of them is listened to')
        return self

    @property
    def signals(self) -> Signals:
        """What switches receivers on and off."""
        return Signals(start=signal(self.start_signal), end=signal(self.end_signal))

    def listening(self) -> AirCheck | None:
        """Who listens to the air from now on, where that is configured; to be closed."""
        if self.air_stream:
            return AirCheck(Listener(self.air_stream, timeout=self.timeout), lag=self.recording_lag)
        return AirCheck(Recording(self.recording), lag=self.recording_lag) if self.recording else None
