"""The Site: one installation's opened parts, handed to every verb."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine

from alertd import registry
from alertd.channel import Channel, ChannelSettings
from alertd.clock import Clock, SystemClock
from alertd.config import Config
from alertd.db import DatabaseClock, open_database
from alertd.errors import NotFound
from alertd.lease import Keeper
from alertd.people import Line
from alertd.speech import Synthesizer
from alertd.token import secret_of


@dataclass(eq=False)
class Site:
    """Configuration, database, clock, and the channels and the synthesizer once they are needed.

    Lives as long as its process; `close` lets everything go. Safe from several threads.
    """

    config: Config
    engine: Engine
    clock: Clock
    secret: bytes
    keeper: Keeper
    _channels: dict[str, Channel] = field(default_factory=dict)
    _synthesizer: Synthesizer | None = None
    _guard: threading.RLock = field(default_factory=threading.RLock)
    #: digests of sections that carry real alerts and wait to be confirmed, by name (see alertd.settled)
    unsettled: dict[str, str] = field(default_factory=dict)
    #: whose opened parts it uses; None = its own
    _of: Site | None = None

    @classmethod
    def open(cls, config: Config, clock: Clock | None = None) -> Site:
        """Opens an installation; touches neither the network nor, but for its clock, the database."""
        engine = open_database(config.database_url, config.storage)
        if clock is None:
            clock = DatabaseClock(engine) if engine.dialect.name == "postgresql" else SystemClock()
        lease = timedelta(seconds=config.worker.lease)
        return cls(
            config=config,
            engine=engine,
            clock=clock,
            secret=secret_of(config.storage),
            keeper=Keeper(engine, clock, lease, config.storage / "senders"),
        )

    def under(self, config: Config) -> Site:
        """The same installation under a configuration with fewer channels; what is open stays this one's."""
        return Site(
            config=config,
            engine=self.engine,
            clock=self.clock,
            secret=self.secret,
            keeper=self.keeper,
            _of=self,
        )

    @property
    def settings(self) -> Mapping[str, ChannelSettings]:
        """The settings of every channel section by name."""
        return self.config.channels

    def line(self, name: str) -> Line:
        """The channel section by that name. Raises NotFound, naming what there is."""
        if name not in self.settings:
            there = ", ".join(self.settings) or "none"
            raise NotFound(f"there is no channel “{name}”; there are: {there}")
        settings = self.settings[name]
        return Line(name, settings.reaches, settings.first_groups, settings.danger_groups)

    def channel(self, name: str) -> Channel:
        """The opened channel of a section; the same one every time. Raises NotFound."""
        opened = self._channels.get(name)
        if opened is not None:
            return opened
        self.line(name)
        if self._of is not None:
            return self._of.channel(name)
        with self._guard:
            if name not in self._channels:
                self._channels[name] = registry.open_channel(name, self.settings[name])
            return self._channels[name]

    @property
    def synthesizer(self) -> Synthesizer:
        """The synthesizer; the same one every time."""
        if self._of is not None:
            return self._of.synthesizer
        with self._guard:
            if self._synthesizer is None:
                self._synthesizer = registry.open_synthesizer(self.config.storage / "speech")
            return self._synthesizer

    def close(self) -> None:
        """Lets go of channels, voices and the database; may be called twice."""
        with self._guard:
            self.keeper.close()
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
            if self._synthesizer is not None:
                self._synthesizer.close()
                self._synthesizer = None
            self.engine.dispose()
