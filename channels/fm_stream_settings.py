"""The keys of a `[channels.NAME]` section with `kind = "fm-stream"`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from alertd.alert import Severity
from alertd.channel import ChannelSettings, Reason
from alertd.signal import signal
from alertd.speech import Signals, Siren
from channels.contact import Contact, contact


class FmStreamSettings(ChannelSettings):
    """One station that takes a stream. Times are in seconds. A recipient's address is the name of a mount."""

    #: hand-overs in all, until the delivery has failed
    attempts: int = 20
    #: seconds until the next attempt for one reason: the station's studio is done soon
    retry_after_reason: Mapping[Reason, float] = {Reason.BUSY: 5.0, Reason.TIMEOUT: 5.0}
    #: where Icecast or Liquidsoap's harbor takes sources
    host: str
    port: int = Field(ge=1, le=65535)
    username: str = "source"
    password: SecretStr
    #: the contact that hands the transmitter over: "modbus://HOST/COIL" or "http://HOST/rc.cgi?o=1,{state}"
    contact: str = ""
    #: for a contact with a web page: the address whose answer ends in 1 while it is closed, and else in 0
    contact_read: str = ""
    #: a recording of the air that is being written (WAV, 16 bits): only what is heard there counts as aired
    recording: Path | None = None
    #: by how much the recording may lag behind
    recording_lag: float = Field(default=5.0, ge=0, le=120)
    #: the sound that the station holds back before it airs it
    buffer: float = Field(default=2.0, ge=0, le=30)
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

    @model_validator(mode="after")
    def _contact_is_known(self) -> Self:
        if self.contact:
            try:
                contact(self.contact, self.contact_read, self.timeout)
            except ValueError as error:
                raise ValueError(f'has a "contact" that {error}') from None
        return self

    @property
    def reaches(self) -> str:
        """The stations that the fm channel airs over, where they take a stream instead."""
        return "fm"

    @property
    def signals(self) -> Signals:
        """What switches receivers on and off."""
        return Signals(start=signal(self.start_signal), end=signal(self.end_signal))

    @property
    def switch(self) -> Contact | None:
        """The contact, where there is one."""
        return contact(self.contact, self.contact_read, self.timeout) if self.contact else None
