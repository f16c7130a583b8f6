"""One telephone line: a baresip process of our own, driven over its control port.

Measured with baresip 1.0.0 (netstrings of JSON over TCP): the control port serves one
client; a source of sound that ends hangs the call up; `ausrc` changes the source of the
call under way and of the next ones; the source starts to play with early media, before
anybody has answered. Media sockets cannot be bound to one address.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from alertd.clock import stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable

log = logging.getLogger(__name__)

#: Modules of baresip that a line needs, in the order of loading.
MODULES = ("g711", "aufile", "aubridge", "ctrl_tcp", "menu")
#: Until a new line takes commands, and until it replies to one, seconds.
_START, _REPLY = 10.0, 5.0
#: Between being asked to end, which hangs up, and being ended, seconds.
_PATIENCE = 2.0
_LARGEST = 1_000_000

# Runs before the program: asks the kernel for SIGTERM at the death of our thread (Linux).
_LEASH = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""

_CONFIG = """\
sip_listen {interface}:0
net_interface {interface}
rtp_ports {media_ports}
call_max_calls 1
audio_source aufile,{folder}/nothing.wav
audio_player aubridge,nobody
audio_alert aubridge,nobody
audio_path {folder}
ausrc_srate 8000
ausrc_channels 1
auplay_srate 8000
auplay_channels 1
statmode_default off
ctrl_tcp_listen 127.0.0.1:{port}
module_path {modules}
{loaded}
module_app menu.so
"""


class LineLost(Exception):
    """The line ended or fell silent; what became of its call is not known."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a call: baresip's name for it, the call, its address, more words."""

    kind: str
    call: str | None
    uri: str | None
    text: str


class Line:
    """A running baresip with one account. `hang_up` may come from any thread; all else from one.

    It ends with `close`, and with the thread that opened it. Raises ChannelMisconfigured
    or ChannelUnavailable when it cannot be opened.
    """

    def __init__(
        self, account: str, *, program: str, modules: Path, interface: str, media_ports: str
    ) -> None:
        found = shutil.which(program)
        if found is None:
            raise ChannelMisconfigured(f"the program {program} is not installed (Debian: baresip-core)")
        missing = [name for name in MODULES if not (modules / f"{name}.so").exists()]
        if missing:
            raise ChannelMisconfigured(f"baresip's module {missing[0]} is not in {modules}; see `modules`")
        self._tokens = count(1)
        self._events: deque[Event] = deque()
        self._received = b""
        self._sending = threading.Lock()
        with contextlib.ExitStack() as undo:
            self._folder = Path(tempfile.mkdtemp(prefix="alertd-sip-"))
            undo.callback(shutil.rmtree, self._folder, ignore_errors=True)
            # bound and never listening: nobody else is given the port that baresip listens at
            kept = undo.enter_context(socket.socket())
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            kept.bind(("127.0.0.1", 0))
            port: int = kept.getsockname()[1]
            loaded = "\n".join(f"module {name}.so" for name in MODULES if name != "menu")
            words = {"folder": self._folder, "modules": modules, "loaded": loaded, "media_ports": media_ports}
            config = _CONFIG.format(interface=interface, port=port, **words)
            (self._folder / "config").write_text(config)
            self._process = self._started(found)
            undo.callback(self._end)
            self._socket = undo.enter_context(self._connected(port))
            # here and not in a file: it may hold a password
            try:
                taken = self._command("uanew", account)
            except LineLost as error:
                raise ChannelUnavailable(f"a line could not be opened: {error}") from error
            if not taken:
                raise ChannelMisconfigured("baresip does not take the account; see caller_id and exchange")
            self._undo = undo.pop_all()

    @property
    def pid(self) -> int:
        """The process number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def dial(self, uri: str) -> bool:
        """Call; False = baresip would not even try. Forgets what was heard of earlier calls."""
        self._events.clear()
        return self._command("dial", uri)

    def play(self, sound: Path) -> bool:
        """From now on send this WAV file (8 kHz, mono, 16 bits); its end hangs up."""
        return self._command("ausrc", f"aufile,{sound}")

    def hang_up(self) -> None:
        """End the call, ringing or answered; harmless when there is none."""
        with contextlib.suppress(LineLost):
            self._say("hangup", "")

    def next_event(self, within: float) -> Event | None:
        """The next thing that happens; None = nothing did in so many seconds. Raises LineLost."""
        deadline = stopwatch() + within
        while not self._events:
            if self._read(deadline) is None:
                return None
        return self._events.popleft()

    def close(self) -> None:
        """Hang up and end the process; may be called twice."""
        self._undo.close()

    def _command(self, command: str, parameters: str) -> bool:
        token = self._say(command, parameters)
        deadline = stopwatch() + _REPLY
        while True:
            said = self._read(deadline)
            if said is None:
                raise LineLost("baresip did not reply")
            if said.get("response") and said.get("token") == token:
                return said.get("ok") is True

    def _say(self, command: str, parameters: str) -> str:
        token = str(next(self._tokens))
        words = json.dumps({"command": command, "params": parameters, "token": token}).encode()
        try:
            with self._sending:
                self._socket.sendall(b"%d:%s," % (len(words), words))
        except OSError as error:
            raise LineLost("baresip takes no commands any more") from error
        return token

    def _read(self, deadline: float) -> Mapping[str, object] | None:
        """The next netstring; an event is queued too. None = there was none until the deadline."""
        while True:
            head, colon, rest = self._received.partition(b":")
            if colon and len(rest) > (length := _length(head)):
                self._received = rest[length + 1 :]
                said = _decoded(rest[:length])
                if said.get("event"):
                    self._events.append(_event(said))
                return said
            left = deadline - stopwatch()
            if left <= 0:
                return None
            try:
                self._socket.settimeout(left)
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise LineLost("the control connection broke") from error
            if not data:
                raise LineLost("baresip ended")
            self._received += data

    def _started(self, program: str) -> subprocess.Popen[bytes]:
        leash = [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid())]
        # its output is full of numbers that are called: it goes nowhere
        return subprocess.Popen(
            [*leash, program, "-4", "-f", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            process_group=0,
        )

    def _connected(self, port: int) -> socket.socket:
        deadline = stopwatch() + _START
        while stopwatch() < deadline:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=_REPLY)
            except OSError:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.02)
                    raise ChannelUnavailable(f"baresip ended at its start ({self._process.poll()})") from None
        raise ChannelUnavailable(f"baresip took no commands within {_START:.0f} s")

    def _end(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_PATIENCE)


def _length(head: bytes) -> int:
    if not head.isdigit() or int(head) > _LARGEST:
        raise LineLost("what the control port says is no netstring")
    return int(head)


def _decoded(words: bytes) -> Mapping[str, object]:
    try:
        said = json.loads(words)
    except ValueError as error:
        raise LineLost("what the control port says is no JSON") from error
    return said if isinstance(said, dict) else {}


def _event(said: Mapping[str, object]) -> Event:
    call, uri, text = (said.get(name) for name in ("id", "peeruri", "param"))
    return Event(
        kind=str(said.get("type", "")),
        call=str(call) if call is not None else None,
        uri=str(uri) if uri is not None else None,
        text=str(text if text is not None else ""),
    )
