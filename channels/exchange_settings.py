"""What sections say of the exchange that their calls go out by."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from alertd.channel import ChannelSettings


class ExchangeSettings(ChannelSettings):
    """One exchange. Times are in seconds. `password` is given as `password_file`."""

    #: host, or host:port, where the exchange takes SIP over UDP
    exchange: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$")
    #: our name at the exchange, which people see and can call back: a number or an extension
    caller_id: str = Field(pattern=r"^[A-Za-z0-9+._-]{1,64}$")
    #: for signing in, where it is not `caller_id`
    username: str | None = Field(default=None, pattern=r"^[A-Za-z0-9+._-]{1,64}$")
    #: None = the exchange knows us by our address
    password: SecretStr | None = None
    #: of this machine, on the exchange's side
    interface: IPv4Address = IPv4Address("127.0.0.1")
    #: for sound, two for each line; baresip opens them on every address while a call is under way
    media_ports: str = Field(default="16384-32767", pattern=r"^[0-9]{4,5}-[0-9]{4,5}$")
    ring_seconds: float = Field(default=30.0, ge=1, le=600)
    #: the longest call; a sound that is longer is still played to its end
    time_limit: float = Field(default=180.0, ge=10)
    #: how the exchange wants numbers: +81256…, or 0256…
    number_form: Literal["e164", "national"] = "e164"
    #: dialled before each number, to get an outside line
    prefix: str = Field(default="", pattern=r"^[0-9*#]{0,8}$")
    #: tells key and status to the exchange, as parameters of the address that is called
    tags: bool = True
    #: asks the exchange for a sign of life before and after calls; false where it gives none
    ask_first: bool = True
    #: for a sign of life of the exchange
    timeout: float = Field(default=4.0, gt=0)
    #: the telephone's program
    program: str = "baresip"
    #: where its modules are
    modules: Path = Path("/usr/lib/baresip/modules")

    @field_validator("password")
    @classmethod
    def _can_be_said_to_the_telephone(cls, password: SecretStr | None) -> SecretStr | None:
        if password and not set(password.get_secret_value()).isdisjoint(';"<>, \t\\'):
            raise ValueError('holds one of ; " < > , \\ or a blank, which baresip cannot be told')
        return password

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of the exchange."""
        host, _, port = self.exchange.partition(":")
        return host, int(port or 5060)
