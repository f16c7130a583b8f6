"""The registry: channel kinds, voices and synthesizers, found by entry point."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from alertd.channel import Channel, ChannelSettings
from alertd.errors import Problem, WrongConfiguration
from alertd.extras import remedy
from alertd.mute import Mute
from alertd.settings import read_settings
from alertd.speech import Synthesizer, SynthesizerFactory

#: the entry-point group of channel kinds
CHANNELS = "alertd.channels"
#: the entry-point group of synthesizers; the one called `default` is used
SYNTHESIZERS = "alertd.synthesizers"


def channel_kinds() -> Mapping[str, EntryPoint]:
    """The installed channel kinds by name, plugins included."""
    return {found.name: found for found in entry_points(group=CHANNELS)}


def channel_kind(kind: str, where: str) -> type[Channel]:
    """The class of a channel kind. Raises WrongConfiguration, naming what there is."""
    kinds = channel_kinds()
    found = kinds.get(kind)
    if found is None:
        near = difflib.get_close_matches(kind, kinds, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(sorted(kinds)) or 'none'}"
        raise WrongConfiguration(Problem(f"{where}.kind", f'unknown channel kind "{kind}"; {hint}'))
    try:
        return cast("type[Channel]", found.load())
    except ModuleNotFoundError as error:
        raise WrongConfiguration(Problem(f"{where}.kind", f"“{kind}”: {remedy(error) or error}")) from error


def channel_settings(name: str, table: Mapping[str, object], folder: Path) -> ChannelSettings:
    """The checked settings of `[channels.NAME]`; paths are relative to `folder`."""
    where = f"channels.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise WrongConfiguration(Problem(f"{where}.kind", 'name a channel kind, e.g. kind = "email"'))
    return read_settings(channel_kind(kind, where).Settings, table, where, folder=folder)


def open_channel(name: str, settings: ChannelSettings) -> Channel:
    """The channel of a section; does not touch the network."""
    return channel_kind(settings.kind, f"channels.{name}")(name, settings)


def open_synthesizer(storage: Path) -> Synthesizer:
    """The synthesizer that is installed as `default`, mute without its packages. Raises WrongConfiguration."""
    for found in entry_points(group=SYNTHESIZERS, name="default"):
        try:
            return cast("SynthesizerFactory", found.load())(storage)
        except ModuleNotFoundError as error:
            return Mute(remedy(error) or str(error))
    raise WrongConfiguration(f"no synthesizer is installed (entry point “default” of {SYNTHESIZERS})")
