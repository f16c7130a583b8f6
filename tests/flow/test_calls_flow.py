"""Calls from the approval to the last word: pace, lines, recall and the call that comes back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from alertd import store
from alertd.channel import Outcome
from alertd.clock import stopwatch
from alertd.db import reading
from alertd.demo import telephone_household as households
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_ledger import Ledger
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.send import drain
from tests.flow.call_city import call_city


def numbers(count: int) -> list[str]:
    return [f"+8125600{n:04}" for n in range(1, count + 1)]


def times(ledger: Ledger, event: str) -> list[float]:
    """When each of these happened, in seconds, in order."""
    return sorted(datetime.fromisoformat(str(entry["at"])).timestamp() for entry in ledger.entries(event))


def most_within(moments: Sequence[float], seconds: float) -> int:
    """The most of these moments that fall into one span of this length."""
    return max(sum(begin <= moment < begin + seconds for moment in moments) for begin in moments)


def most_at_once(ledger: Ledger) -> int:
    """The most calls that were created and had not ended, by the network's own ledger."""
    steps = [(at, 1) for at in times(ledger, "created")] + [(at, -1) for at in times(ledger, "ended")]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


def test_three_workers_together_never_use_more_lines(tmp_path: Path) -> None:
    network = TelephoneNetwork(rule=households.everybody(households.UNDERSTANDS), speed=60, per_second=1000)
    with call_city(
        tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", network, calls_per_second=20, lines=6
    ) as city:
        dispatch = city.begin(numbers(36))
        with city.working(workers=3):
            city.wait()
        assert city.tally(dispatch).outcomes["acknowledged"] == 36
    assert len(network.calls()) == 36
    assert most_at_once(network.ledger) <= 6


def test_three_workers_together_never_call_faster(tmp_path: Path) -> None:
    network = TelephoneNetwork(rule=households.everybody(households.ENGAGED), speed=60, per_second=1000)
    with call_city(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        network,
        calls_per_second=10,
        lines=40,
        attempts=1,
    ) as city:
        city.begin(numbers(30))
        with city.working(workers=3):
            city.wait()
    assert most_within(times(network.ledger, "created"), 1.0) <= 10


def test_a_stop_silences_telephones_that_ring_at_once(tmp_path: Path) -> None:
    network = TelephoneNetwork(rule=households.everybody(households.SILENT), speed=1, per_second=3)
    with call_city(
        tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", network, calls_per_second=30, lines=30
    ) as city:
        dispatch = city.begin(numbers(50))
        pause = threading.Event()
        with city.working():
            began = stopwatch()
            while len(network.calls()) < 30:
                assert stopwatch() - began < 20
                pause.wait(0.05)
            assert {"queued", "ringing"} & {call.state for call in network.calls()}
            city.cancel(dispatch)
            stopped = stopwatch()
            while any(call.state != "canceled" for call in network.calls()):
                # two seconds, and as many again for a machine that runs other tests beside
                assert stopwatch() - stopped < 4.0, [call.state for call in network.calls()]
                pause.wait(0.05)
            city.wait()
        assert city.tally(dispatch).outcomes["cancelled"] == 50
    assert len(network.calls()) == 30
    assert {entry["state"] for entry in network.ledger.entries("ended")} == {"canceled"}


def test_who_listens_already_when_an_alert_is_stopped_is_left_to_listen(tmp_path: Path) -> None:
    network = TelephoneNetwork(rule=households.everybody(households.LISTENS), speed=10, per_second=1000)
    with call_city(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", network, seconds=20.0) as city:
        dispatch = city.begin(numbers(1))
        with city.working():
            began = stopwatch()
            while not network.ledger.entries("answered"):
                assert stopwatch() - began < 20
                threading.Event().wait(0.02)
            threading.Event().wait(0.5)
            city.cancel(dispatch)
            city.wait()
        [row] = city.deliveries()
    assert network.calls()[0].state == "completed"
    assert row.outcome in (Outcome.DELIVERED, Outcome.CANCELLED)


def test_a_pause_that_the_network_asks_for_is_kept_by_the_whole_channel(tmp_path: Path) -> None:
    network = TelephoneNetwork(
        rule=households.everybody(households.ENGAGED),
        speed=60,
        per_second=1000,
        faults=Faults(too_many=0.2, too_many_for=2.0),
    )
    with call_city(
        tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", network, calls_per_second=30, lines=30, attempts=1
    ) as city:
        dispatch = city.begin(numbers(12))
        with city.working(workers=2):
            city.wait(60)
        assert city.tally(dispatch).outcomes["failed"] == 12
        assert all(row.attempt == 1 for row in city.deliveries()), "nobody was tried, so it was no attempt"
        with reading(city.site.engine) as session:
            assert store.alarms(session) == []
    assert len(network.calls()) == 12
    refused = times(network.ledger, "refused")
    assert refused, "the network refused nobody"
    # what was on its way when the network refused still arrives
    for moment in refused:
        assert not [one for one in times(network.ledger, "created") if moment + 0.5 < one < moment + 1.9]


def test_a_network_that_does_not_know_us_stops_the_channel_and_a_person_is_told(tmp_path: Path) -> None:
    network = TelephoneNetwork(auth_token="changed-yesterday", speed=60, per_second=1000)
    with call_city(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        network,
        calls_per_second=30,
        lines=30,
        auth_token=SecretStr("of-last-year"),
    ) as city:
        city.begin(numbers(40))
        drain(city.site, "phone", threading.Event())
        with reading(city.site.engine) as session:
            [alarm] = store.alarms(session)
        assert "auth_token_file" in alarm.message
        asked = len(network.ledger.entries("refused"))
        assert 1 <= asked <= 15, "the first group has found it out for all"
        drain(city.site, "phone", threading.Event())
        assert len(network.ledger.entries("refused")) == asked, (
            "until a person has acted, or a minute is over"
        )
        assert all(row.attempt == 0 and row.due_at is not None for row in city.deliveries())
    assert network.calls() == []
