"""The manual station: a person there reads the sheet on the air, and ticks its start and its end.

For a station without a line to its desk: the sheet goes there by telephone or fax, and the
city's own desk ticks what the station says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from alertd.channel import ChannelSettings, Medium, Traits
from channels.desk import DeskChannel, DeskSettings


class ManualStationSettings(DeskSettings):
    """`[channels.NAME] kind = "fm-manual"`; times are in seconds. A recipient's address says whom to call."""

    #: from its coming to the desk until the station should have begun
    start_within: float = Field(default=300.0, gt=0)
    #: from its begin until it should be over
    finish_within: float = Field(default=600.0, gt=0)

    @property
    def reaches(self) -> str:
        """The stations that the fm channel airs over, where nobody but a person can."""
        return "fm"


class ManualStation(DeskChannel):
    """Puts what is to be read on the air on the desk, in the words of a broadcast."""

    Settings: ClassVar[type[ChannelSettings]] = ManualStationSettings

    @property
    def traits(self) -> Traits:
        return replace(super().traits, medium=Medium.BROADCAST)
