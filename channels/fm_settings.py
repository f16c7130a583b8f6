"""The keys of a `[channels.NAME]` section with `kind = "fm"`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from alertd.alert import Severity
from alertd.channel import ChannelSettings, Reason
from alertd.signal import signal
from alertd.speech import Signals, Siren
from channels.liquidsoap import Place


class FmSettings(ChannelSettings):
    """One station. Times are in seconds. A recipient's address is the name of a queue."""

    #: hand-overs in all, until the delivery has failed
    attempts: int = 20
    #: seconds until the next attempt for one reason: the station's studio is done soon
    retry_after_reason: Mapping[Reason, float] = {Reason.BUSY: 5.0, Reason.TIMEOUT: 5.0}

    #: the command server's unix socket …
    socket: Path | None = None
    #: … or where it listens; it asks for no password: never over a network of others
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    #: the queue that cuts into the programme; tried by a probe
    queue: str = Field(default="emergency", pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
    #: the output whose history proves what was aired
    output: str = Field(default="rec", pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")
    #: from the push until it must be heard; then it is withdrawn
    on_air_within: float = Field(default=10.0, gt=0)
    #: beyond its length, until the air must be given back; then it is taken off
    margin: float = Field(default=30.0, gt=0)
    #: the longest sound that may be aired
    longest: float = Field(default=600.0, gt=0)
    #: silence of the station's own between two airings
    gap: float = Field(default=1.0, ge=0)
    #: what is at least so severe takes what is less severe off the air, which is aired again afterwards
    cuts_in: Severity | None = Severity.SEVERE
    #: a recording of the air that is being written (WAV, 16 bits): only what is heard there counts as aired
    recording: Path | None = None
    #: by how much the recording may lag behind
    recording_lag: float = Field(default=5.0, ge=0, le=120)
    #: for a reply of the station
    timeout: float = Field(default=5.0, gt=0)
    #: before the words: DTMF digits such as "*12#", or the path of a sound file for receivers that
    #: listen for one (Comfis, EWS); "none" = nothing. The sounds of J-ALERT and EEW are never ours to send
    start_signal: str = "none"
    #: the same after the words, and after an airing that was cut short: switches receivers off again
    end_signal: str = "none"
    #: how many times faster than life a simulated station plays
    speed: float = Field(default=1.0, gt=0)

    @field_validator("start_signal", "end_signal")
    @classmethod
    def _is_a_signal(cls, value: str) -> str:
        if isinstance(signal(value), Siren):
            raise ValueError("must be no siren: receivers do not listen for one")
        return value

    @model_validator(mode="after")
    def _one_way_to_the_station(self) -> Self:
        by_network = self.host is not None or self.port is not None
        if (self.socket is not None) == by_network:
            raise ValueError('needs either "socket", or "host" and "port"')
        if by_network and (self.host is None or self.port is None):
            raise ValueError('has one of "host" and "port"; it needs both')
        if self.speed != 1.0 and not self.simulated:
            raise ValueError('has a "speed" without "simulated = true"; a real station plays as fast as life')
        return self

    @property
    def signals(self) -> Signals:
        """What switches receivers on and off."""
        return Signals(start=signal(self.start_signal), end=signal(self.end_signal))

    @property
    def place(self) -> Place:
        """Where the command server listens."""
        if self.socket is not None:
            return self.socket
        assert self.host is not None
        assert self.port is not None
        return self.host, self.port
