"""A real Liquidsoap that runs a shipped script, for as long as some tests need it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from alertd.clock import stopwatch
from alertd.errors import ChannelUnavailable
from channels.liquidsoap import Station

NEEDED = pytest.mark.skipif(
    shutil.which("liquidsoap") is None, reason="Liquidsoap is not installed: apt-get install liquidsoap"
)


def pause(seconds: float) -> None:
    """Lets the station go on for a while."""
    threading.Event().wait(seconds)


class Liquidsoap:
    """The process, its recording of its air, and what it says. A context manager."""

    def __init__(self, folder: Path, script: str, **settings: object) -> None:
        """`settings` reach the script as ALERTD_STATION_NAME."""
        self.folder = folder
        self.recording = folder / "air.wav"
        self._log = (folder / "log").open("wb")
        told = {"recording": self.recording, **settings}
        self.process = subprocess.Popen(
            ["liquidsoap", str(files("alertd.demo") / script)],
            env={**os.environ, **{f"ALERTD_STATION_{name.upper()}": str(told[name]) for name in told}},
            stdout=self._log,
            stderr=self._log,
            cwd=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def wait_until(self, up: Callable[[], bool]) -> None:
        """Until it is, or the test fails with what it said."""
        give_up = stopwatch() + 60
        while stopwatch() < give_up and self.process.poll() is None:
            if up():
                return
            pause(0.2)
        pytest.fail(f"Liquidsoap did not start:\n{Path(self._log.name).read_text()[-2000:]}")


class RealStation(Liquidsoap):
    """A station with a command server; its air can be listened to at `stream`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.socket_path = folder / "s"
        self.stream = f"http://127.0.0.1:{port}/air"
        super().__init__(folder, "station.liq", socket=self.socket_path, listen=port)

    def wait_until_up(self) -> None:
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            with Station(self.socket_path, timeout=5) as station:
                station.version()
        except ChannelUnavailable:
            return False
        return True
