"""The keys of a `[channels.NAME]` section with `kind = "fm-stream"`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, model_validator

from channels.contact import Contact, contact
from channels.station_settings import StationSettings


class FmStreamSettings(StationSettings):
    """One station that takes a stream. Times are in seconds. A recipient's address is the name of a mount."""

    #: where Icecast or Liquidsoap's harbor takes sources
    host: str
    port: int = Field(ge=1, le=65535)
    username: str = "source"
    password: SecretStr
    #: the contact that hands the transmitter over: "modbus://HOST/COIL" or "http://HOST/rc.cgi?o=1,{state}"
    contact: str = ""
    #: for a contact with a web page: the address whose answer ends in 1 while it is closed, and else in 0
    contact_read: str = ""
    #: the sound that the station holds back before it airs it
    buffer: float = Field(default=2.0, ge=0, le=30)

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
    def switch(self) -> Contact | None:
        """The contact, where there is one."""
        return contact(self.contact, self.contact_read, self.timeout) if self.contact else None
