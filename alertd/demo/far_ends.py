"""The demo's far ends: simulated, labelled so, and the configuration that leads to them."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alertd.demo.city import TROUBLES, groups
from alertd.supervise import Program

#: telephones and the station live so many times faster than people do
SPEED = 60.0
#: sound reaches the loudspeakers so many times faster
PAGE_SPEED = 4.0
#: the station's queue that cuts into the programme
QUEUE = "emergency"
#: below those that Linux gives to connections that go out: between the choice and the start of a
#: far end, a connection could take one of them
_PORTS = range(20_000, 32_000)
#: the demo's own channels
SECTIONS = ("mail", "phone", "fm", "radio", "stations", "cars")

_CONFIGURATION = """\
# Written by `alertd demo`: simulated far ends, shortened retries. Do not edit: it is written anew.
storage = "."

[database]
url = {database}

[broker]
url = {broker}

[web]
port = {console}
public_port = {public}
drill_port = {drills}

[approval]
exercise = 2

[worker]
processes = 1

[presets]
"五十嵐川 第1陣" = ["RHK", "RNN"]
"五十嵐川 全域" = ["RHK", "RNN", "IGR", "OSK", "NGS", "MRM"]
"信濃川 第1陣" = ["RHK", "HJJ", "SKN", "SKC"]

[drill]
staff_group = "民生委員"
subscribers_group = "自治会長"

[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail}
sender = "bosai@sanjo.example.jp"
sender_name = "三条市（模擬）"
carries = ["Exercise", "Test"]
simulated = true
attempts = 4
retry_after = [2, 3, 5]

[channels.phone]
kind = "voice"
api_url = "http://127.0.0.1:{phone}"
account_sid = "AC51515151515151515151515151515151"
auth_token_file = "telephone-token"
quiet_hours = []
caller_id = "+81256000100"
answer_menu = "status"
carries = ["Exercise", "Test"]
simulated = true
lines = 50
calls_per_second = 40
attempts = 3
retry_after = [2, 3]
retry_after_reason = {{ busy = 1, unreachable = 2, rate_limited = 1 }}
report_within = 20
reconcile_after = 10

[channels.fm]
kind = "fm"
host = "127.0.0.1"
port = {station}
queue = "{queue}"
speed = {speed}
carries = ["Exercise", "Test"]
simulated = true

[channels.radio]
kind = "radio"
interface = "127.0.0.1"
ttl = 0
speed = {page_speed}
carries = ["Exercise", "Test"]
simulated = true

[channels.stations]
kind = "gateway"
url = "http://127.0.0.1:{gateway}/announcements"
secret_file = "gateway-secret"
ask_after = 5
answer_within = 20
carries = ["Exercise", "Test"]
simulated = true

[channels.cars]
kind = "desk"
carries = ["Exercise", "Test"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where everything listens on 127.0.0.1; `speakers` is UDP."""

    console: int
    public: int
    #: the trainees' console
    drills: int
    mail: int
    phone: int
    station: int
    speakers: int
    gateway: int


def free_ports() -> Ports:
    """Ports that nothing listens at now; the console's usual ones when they are free."""
    usual = (8750, 8751, 8752)
    console, public, drills = usual if all(map(_free, usual)) else (_any(), _any(), _any())
    return Ports(
        console=console,
        public=public,
        drills=drills,
        mail=_any(),
        phone=_any(),
        station=_any(),
        speakers=_pair(),
        gateway=_any(),
    )


def write_configuration(
    folder: Path, ports: Ports, *, database: str, broker: str, sections: str = ""
) -> Path:
    """Writes `alertd.toml` and the secret that it names, for this user's eyes; returns the file.

    `sections` are further ones, as they are written.
    """
    _write(folder / "telephone-token", "simulated-token\n")
    _write(folder / "gateway-secret", "simulated-secret\n")
    text = _CONFIGURATION.format(
        database=json.dumps(database, ensure_ascii=False),
        broker=json.dumps(broker, ensure_ascii=False),
        console=ports.console,
        public=ports.public,
        drills=ports.drills,
        mail=ports.mail,
        phone=ports.phone,
        station=ports.station,
        queue=QUEUE,
        speed=SPEED,
        page_speed=PAGE_SPEED,
        gateway=ports.gateway,
    )
    file = folder / "alertd.toml"
    _write(file, text + sections)
    return file


def far_ends(
    folder: Path, ports: Ports, troubles: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Program]:
    """The programs of the far ends; each says where it is when it is ready, and keeps a ledger.

    `troubles` are further words on the command line of a channel's far end.
    """
    speed = ["--speed", str(SPEED)]
    for name, module, words in (
        ("mail", "smtp_server", ["--port", str(ports.mail)]),
        ("phone", "telephone_network", ["--port", str(ports.phone), *speed]),
        ("fm", "station", ["--port", str(ports.station), *speed]),
        ("radio", "loudspeakers", list(groups(ports.speakers))),
        ("stations", "gateway", [*_gateway(folder, ports.gateway), *speed]),
    ):
        log = folder / "log" / f"far-end-{name}.log"
        command = [sys.executable, "-m", f"alertd.demo.{module}", *words]
        yield Program(
            name=f"far-end-{name}",
            command=[*command, "--ledger", str(ledger(folder, name)), *(troubles or {}).get(name, ())],
            ready=lambda log=log: "simulated" in log.read_text(errors="replace"),  # type: ignore[misc]
        )


def _gateway(folder: Path, port: int) -> list[str]:
    troubles = [f"{station}={trouble}" for station, trouble in TROUBLES.items()]
    return ["--port", str(port), "--secret-file", str(folder / "gateway-secret"), "--trouble", *troubles]


def ledger(folder: Path, channel: str) -> Path:
    """What really happened at a channel's far end, as JSON lines."""
    return folder / f"ledger-{channel}.jsonl"


def _write(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def _free(port: int, kind: int = socket.SOCK_STREAM) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any(kind: int = socket.SOCK_STREAM) -> int:
    while True:
        port = secrets.choice(_PORTS)
        if _free(port, kind):
            return port


def _pair() -> int:
    """A UDP port whose next one is free as well: RTP and its control (RFC 3550 §11)."""
    while True:
        port = _any(socket.SOCK_DGRAM)
        if _free(port + 1, socket.SOCK_DGRAM):
            return port
