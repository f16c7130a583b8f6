"""A worker that is told to stop while its calls wait for a free line: it stops, and holds nothing any more."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from alertd import broker, config, plan
from alertd.clock import stopwatch
from alertd.db import reading, writing
from alertd.demo.telephone_network import ACCOUNT_SID
from alertd.site import Site
from alertd.tables import ChannelStateRow, DeliveryRow
from alertd.worker import bell
from channels.voice import VoiceChannel
from channels.voice_settings import VoiceSettings
from tests import factories
from tests.flow.call_city import Hum

_SECTION = """[channels.phone]
kind = "voice"
api_url = "http://127.0.0.1:9"
account_sid = "{account}"
auth_token_file = "{token}"
caller_id = "+81256000110"
quiet_hours = []
lines = 1
"""


def test_a_worker_whose_calls_wait_for_a_line_stops_when_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 32)
    file = tmp_path / "alertd.toml"
    file.write_text(_SECTION.format(account=ACCOUNT_SID, token=tmp_path / "token"))
    loaded = config.load(file)
    command = broker.command(loaded.broker_socket)
    if command is None:
        pytest.skip("no broker is installed")
    section = loaded.channels["phone"]
    assert isinstance(section, VoiceSettings)
    channel = VoiceChannel("phone", section)
    site = factories.make_site(tmp_path, loaded.database_url, {"phone": section}, {"phone": channel})
    here = [sys.executable, "-m", "alertd", "--config", str(file), "worker"]
    pause = threading.Event()
    try:
        _one_call_under_way_and_one_that_waits(site, tmp_path)
        with (
            (tmp_path / "log").open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log) as redis,
            subprocess.Popen(here, stdout=log, stderr=log) as worker,
        ):
            try:
                ring, began = bell(loaded), stopwatch()
                while not _waits_for_a_line(site):
                    assert stopwatch() - began < 60, "the worker does not look"
                    ring("phone")
                    pause.wait(0.2)
                worker.terminate()
                assert worker.wait(10) == 0
            finally:
                worker.kill()
                redis.kill()
        with reading(site.engine) as session:
            assert session.get_one(DeliveryRow, 2).attempt == 0
            assert session.get_one(ChannelStateRow, "phone").owner is None
    finally:
        site.close()


def _one_call_under_way_and_one_that_waits(site: Site, folder: Path) -> None:
    site._synthesizer = Hum(folder / "hum", 1.0)
    factories.add_people(site, ["+81256200001", "+81256200002"], kind="voice")
    dispatch = factories.submit(site, channels=("phone",))
    factories.approve(site, dispatch)
    plan.plan(site, dispatch)
    now = site.clock.now()
    with writing(site.engine) as session:
        row = session.get_one(DeliveryRow, 1)
        row.attempt, row.handed_at, row.turn, row.due_at = 1, now, None, now + timedelta(hours=1)


def _waits_for_a_line(site: Site) -> bool:
    with reading(site.engine) as session:
        row = session.get(ChannelStateRow, "phone")
        return row is not None and row.owner is not None
