"""The keys of a `[channels.NAME]` section with `kind = "radio"`, and the address of a zone."""

from __future__ import annotations

import ipaddress
import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from alertd.alert import Severity
from alertd.channel import ChannelSettings
from alertd.signal import signal
from alertd.speech import Dtmf, Signals
from channels.rtp import Group, multicast_socket
from channels.rtp_payload import Encoding

_LINK_ITSELF = ipaddress.ip_network("224.0.0.0/24")
_ZONE = re.compile(r"([0-9.]{7,15}):([1-9][0-9]{3,4})", re.ASCII)


class RadioSettings(ChannelSettings):
    """One network of loudspeakers. A recipient's address is a zone: `239.192.0.1:5004`."""

    #: the IPv4 address of this machine by which pages leave; by no other
    interface: str = "127.0.0.1"
    #: how many networks further they may go; 0 = this machine, 1 = this network
    ttl: int = Field(default=1, ge=0, le=32)
    #: pcmu or pcma (G.711, 8 kHz), or l16 (16 kHz, clearer): what the loudspeakers are set to
    encoding: Encoding = Encoding.PCMU
    #: the number by which the loudspeakers know l16; pcmu is always 0 and pcma 8
    payload_type: int = Field(default=96, ge=96, le=127)
    #: before an order to evacuate: seconds of sound and of silence such as "60-5-60", the path of a sound
    #: file, or "none"; level 5 sounds it twice. The sounds of J-ALERT and EEW are never ours to send
    siren: str = "none"
    #: seconds of silence before the sound, in which amplifiers switch on
    lead_silence: float = Field(default=0.0, ge=0, le=10)
    #: what is at least so severe cuts a page of what is less severe short, which is spoken again afterwards
    cuts_in: Severity | None = Severity.SEVERE
    #: how many times faster than life simulated loudspeakers are fed
    speed: float = Field(default=1.0, gt=0, le=20)

    @field_validator("interface")
    @classmethod
    def _is_of_this_machine(cls, value: str) -> str:
        try:
            address = ipaddress.IPv4Address(value)
        except ValueError:
            raise ValueError("must be an IPv4 address of this machine") from None
        if address.is_multicast or address.is_unspecified:
            raise ValueError("must be the address of one interface")
        try:
            multicast_socket(value, ttl=0).close()
        except OSError:
            raise ValueError("is not the address of an interface of this machine") from None
        return value

    @field_validator("siren")
    @classmethod
    def _is_a_signal(cls, value: str) -> str:
        if isinstance(signal(value), Dtmf):
            raise ValueError('must be a siren such as "60-5-60", the path of a sound file, or "none"')
        return value

    @property
    def signals(self) -> Signals:
        """The siren, where one is configured."""
        return Signals(siren=signal(self.siren))

    @model_validator(mode="after")
    def _only_a_simulation_hurries(self) -> Self:
        if self.speed != 1.0 and not self.simulated:
            raise ValueError(
                'has a "speed" without "simulated = true"; real loudspeakers speak as fast as life'
            )
        return self


def zone(address: str) -> Group:
    """The group and the port of a zone. Raises ValueError with what is wrong."""
    match = _ZONE.fullmatch(address)
    if match is None:
        raise ValueError("the address is not like 239.192.0.1:5004")
    port = int(match[2])
    try:
        group = ipaddress.IPv4Address(match[1])
    except ValueError:
        raise ValueError("the address is not like 239.192.0.1:5004") from None
    if not group.is_multicast or group in _LINK_ITSELF:
        raise ValueError("the address is not that of a multicast group")
    if not 1024 <= port < 65535:
        raise ValueError("the port is not between 1024 and 65534")
    return str(group), port
