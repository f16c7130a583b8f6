"""Every request to Twilio, and every reply of the simulation, before the eyes of Prism.

Prism (npm @stoplight/prism-cli) stands as a proxy between the voice channel and the
simulated telephone network and holds both to Twilio's own description of its API.
`python3 dev.py test` brings it where there is npm (Node.js 18 or later).
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.channel import Inquiry, Outcome
from alertd.clock import SystemClock, stopwatch
from alertd.demo import telephone_household as households
from alertd.demo.telephone_network import TelephoneNetwork
from channels.voice import VoiceChannel
from tests.answering_desk import AnsweringDesk, settings
from tests.servers import ROOT, find_program

DESCRIPTION = ROOT.parent / "shared" / "data" / "twilio" / "calls_strict.json"
NUMBER = "+81256200001"


def prism() -> Path | None:
    ours = ROOT / ".cache" / "prism" / "node_modules" / ".bin" / "prism"
    return ours if ours.exists() else find_program("prism")


@contextmanager
def watched(network: TelephoneNetwork) -> Iterator[tuple[str, Path]]:
    """Prism before the network: its URL, and the file in which it writes what it sees."""
    program = prism()
    if program is None or find_program("node") is None:
        pytest.skip("Prism is not there: python3 dev.py setup --test brings it where there is npm")
    if not DESCRIPTION.exists():
        pytest.skip(f"Twilio's description of its API is not there: {DESCRIPTION.name}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        seen, description = Path(folder) / "prism.log", Path(folder) / "calls.json"
        # It calls the links between pages absolute; they are relative, as in its own examples.
        description.write_text(
            DESCRIPTION.read_text().replace('"format": "uri"', '"format": "uri-reference"')
        )
        with seen.open("wb") as log:
            process = subprocess.Popen(
                [
                    str(program),
                    "proxy",
                    str(description),
                    network.url,
                    "--errors",
                    "-h",
                    "127.0.0.1",
                    "-p",
                    str(port),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        try:
            began = stopwatch()
            while "Prism is listening" not in seen.read_text():
                assert process.poll() is None, seen.read_text()
                assert stopwatch() - began < 60, seen.read_text()
                threading.Event().wait(0.1)
            yield f"http://127.0.0.1:{port}", seen
        finally:
            process.terminate()
            process.wait(20)


def test_prism_finds_no_violation_in_create_fetch_list_and_update() -> None:
    network = TelephoneNetwork(rule=households.everybody(households.SILENT))
    with network, AnsweringDesk().open() as desk, watched(network) as (url, seen):
        desk.channel = channel = VoiceChannel("phone", settings(network, api_url=url, timeout=20.0))
        try:
            began = SystemClock().now() - timedelta(seconds=1)
            [placed] = list(channel.send(desk.message, [desk.target(NUMBER)]))
            assert (placed.outcome, placed.detail) == (Outcome.ACCEPTED, None)
            known = Inquiry(
                target=desk.target(NUMBER),
                ref=placed.ref,
                handed_at=began,
                asked_at=SystemClock().now(),
                message=desk.message,
            )
            fetched = channel.ask(known)
            listed = channel.ask(replace(known, ref=None))
            updated = channel.recall(known)
        finally:
            channel.close()
        log = seen.read_text()
    assert fetched is not None and listed is not None and updated is not None
    assert fetched.ref == listed.ref == updated.ref == placed.ref
    assert network.calls()[0].state == "canceled"
    # with --errors a violation is answered with an error, so that each step above would have failed
    assert log.count("Request received") >= 4, log


def test_prism_would_see_a_request_that_twilio_does_not_take() -> None:
    network = TelephoneNetwork(rule=households.everybody(households.SILENT))
    with network, AnsweringDesk().open() as desk, watched(network) as (url, _):
        desk.channel = channel = VoiceChannel(
            "phone", settings(network, api_url=url, timeout=20.0).model_copy(update={"ring_seconds": 601})
        )
        try:
            [placed] = list(channel.send(desk.message, [desk.target(NUMBER)]))
        finally:
            channel.close()
    assert placed.outcome is not Outcome.ACCEPTED
    assert network.calls() == [] and network.ledger.entries("refused") == [], "Prism did not let it through"
