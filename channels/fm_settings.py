"""The keys of a `[channels.NAME]` section with `kind = "fm"`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from channels.liquidsoap import Place
from channels.station_settings import StationSettings


class FmSettings(StationSettings):
    """One station. Times are in seconds. A recipient's address is the name of a queue."""

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
    #: how many times faster than life a simulated station plays
    speed: float = Field(default=1.0, gt=0)

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
    def place(self) -> Place:
        """Where the command server listens."""
        if self.socket is not None:
            return self.socket
        assert self.host is not None
        assert self.port is not None
        return self.host, self.port
