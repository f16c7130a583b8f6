"""Uncounted: callbacks of far ends, which no limit holds up: they report by the hundred, signed."""

from __future__ import annotations

import logging

from alertd import callbacks
from alertd.errors import AlertdError
from alertd.site import Site

log = logging.getLogger(__name__)

CALLBACKS = "/callbacks/"


class Uncounted:
    """Which paths are callbacks that somebody judges; a channel that takes none is a path like any other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._known: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        if not path.startswith(CALLBACKS):
            return False
        name = path[len(CALLBACKS) :]
        if name not in self._site.config.channels:
            return False
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._takes(name)
        return known

    def _takes(self, name: str) -> bool:
        try:
            return callbacks.takes(self._site, name)
        except AlertdError as error:
            log.warning("channel %s cannot be opened for its callbacks: %s", name, error)
            return True
