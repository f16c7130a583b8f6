"""The gateway channel: each station has its own outcome, and silence is never taken for an answer."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Reason, Target
from alertd.clock import SystemClock
from alertd.demo.gateway import SimulatedGateway
from alertd.demo.gateway_station import Condition, Stations
from alertd.errors import ChannelUnavailable
from alertd.settings import read_settings
from alertd.speech import OUTDOOR_WIDE_AUDIO
from channels.gateway import GatewayChannel
from channels.gateway_answer import Answer, State, receipt_of
from channels.gateway_settings import GatewaySettings, station
from tests.station_sound import sound

SECRET = "gateway-secret-5309"
CAP = b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>20261123-0001</identifier></alert>'
TROUBLE = {
    "RNN-002": Condition.DEAD,
    "RNN-003": Condition.ONE_WAY,
    "RNN-004": Condition.LOW_BATTERY,
    "RNN-005": Condition.FAULT,
}


@pytest.fixture
def gateway():
    stations = Stations("[A-Z]{3}-[0-9]{3}", dict(TROUBLE))
    with SimulatedGateway(SECRET, stations, speed=50, report=False) as gateway:
        yield gateway


@pytest.fixture
def channel(gateway, tmp_path):
    channel = opened(gateway, tmp_path)
    yield channel
    channel.close()


def opened(gateway, folder, **changes):
    (folder / "secret").write_text(SECRET)
    table = {"kind": "gateway", "url": gateway.url, "secret_file": str(folder / "secret"), **changes}
    return GatewayChannel("gateway", read_settings(GatewaySettings, table, "channels.gateway"))


@pytest.fixture
def message(tmp_path):
    return Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示",
        text="これは訓練です。",
        sent=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
        expires=datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
        audio=sound(tmp_path, OUTDOOR_WIDE_AUDIO, 0.5),
        document=CAP,
    )


def targets(*addresses):
    return [
        Target(key=f"K-{address}", attempt=1, address=address, answer_url="http://127.0.0.1:9/")
        for address in addresses
    ]


def inquiry(target, message, *, after=1.0, ref="A-1"):
    now = SystemClock().now()
    handed = now - timedelta(seconds=after)
    return Inquiry(target=target, ref=ref, handed_at=handed, asked_at=now, message=message)


def test_each_station_has_an_outcome_of_its_own(gateway, channel, message):
    asked = targets("RNN-001", "RNN-002", "RNN-003", "RNN-004", "RNN-005")
    receipts = list(channel.send(message, [*asked, *targets("NOWHERE-9")]))
    assert [one.outcome for one in receipts] == [Outcome.ACCEPTED] * 5 + [Outcome.FAILED]
    assert receipts[-1].reason is Reason.BAD_ADDRESS
    assert gateway.wait_until_quiet(5)
    said = {target.address: channel.ask(inquiry(target, message)) for target in asked}
    assert {address: (one.outcome, one.reason) for address, one in said.items()} == {
        "RNN-001": (Outcome.DELIVERED, None),
        "RNN-002": (Outcome.ACCEPTED, Reason.UNCONFIRMED),
        "RNN-003": (Outcome.ACCEPTED, Reason.UNCONFIRMED),
        "RNN-004": (Outcome.DELIVERED, None),
        "RNN-005": (Outcome.FAILED, Reason.OTHER),
    }
    assert "cannot answer" in said["RNN-003"].detail
    assert "did not answer" in said["RNN-002"].detail
    assert "battery is low" in said["RNN-004"].detail


def test_only_an_answer_is_called_delivered():
    outcomes = {state: receipt_of(Answer(key="K", state=state)).outcome for state in State}
    assert [state for state, outcome in outcomes.items() if outcome is Outcome.DELIVERED] == [State.ANSWERED]


def test_stations_of_one_alert_speak_together_whatever_the_number_of_orders(gateway, channel, message):
    for group in ("RNN-010", "RNN-011"), ("RNN-012",), ("RNN-013", "RNN-014"):
        list(channel.send(message, targets(*group)))
    assert gateway.wait_until_quiet(5)
    spoken = gateway.ledger.entries("spoken")
    assert [entry["station"] for entry in spoken] == [f"RNN-01{number}" for number in range(5)]
    assert {entry["sha256"] for entry in spoken} == {message.audio.digest}
    assert {entry["document"] for entry in spoken} == {"20261123-0001"}
    times = [datetime.fromisoformat(entry["at"]) for entry in spoken]
    assert max(times) - min(times) < timedelta(seconds=0.1)


def test_an_order_that_is_repeated_is_spoken_once(gateway, channel, message):
    for attempt in range(3):
        list(channel.send(message, targets("RNN-001")))
        if attempt:
            assert gateway.wait_until_quiet(5)
    assert len(gateway.ledger.entries("spoken")) == 1


def test_what_the_gateway_has_never_heard_of_is_handed_over_again(channel, message):
    (target,) = targets("RNN-001")
    assert channel.ask(inquiry(target, message, ref=None)) is None


def test_silence_is_unconfirmed_after_the_time_and_asked_for_before(gateway, channel, message):
    (target,) = targets("RNN-001")
    list(channel.send(message, [target]))
    gateway.__exit__(None, None, None)
    with pytest.raises(ChannelUnavailable):
        channel.ask(inquiry(target, message, after=100))
    late = channel.ask(inquiry(target, message, after=182))
    assert (late.outcome, late.reason) == (Outcome.ACCEPTED, Reason.UNCONFIRMED)
    # nobody knows whether it was handed over at all: that is no “sent”
    with pytest.raises(ChannelUnavailable):
        channel.ask(inquiry(target, message, after=182, ref=None))


def test_what_waits_can_be_taken_off_and_what_was_spoken_cannot(message, tmp_path):
    first, second = targets("RNN-001", "RNN-006")
    stations = Stations("[A-Z]{3}-[0-9]{3}", dict(TROUBLE))
    # slow enough that a busy machine takes it off while it waits
    with SimulatedGateway(SECRET, stations, speed=4, report=False) as gateway:
        channel = opened(gateway, tmp_path)
        list(channel.send(message, [first]))
        assert channel.recall(inquiry(first, message)) is None
        list(channel.send(message, [second]))
        assert gateway.wait_until_quiet(10)
        assert channel.recall(inquiry(second, message)).outcome is Outcome.DELIVERED
        assert [entry["station"] for entry in gateway.ledger.entries("spoken")] == ["RNN-006"]
        channel.close()


def test_without_a_sound_nothing_is_ordered(gateway, channel, message, tmp_path):
    message.audio.path.write_bytes(b"altered")
    (receipt,) = channel.send(message, targets("RNN-001"))
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.OTHER)
    assert channel._line.request("OPTIONS", b"")[0] == 204


@pytest.mark.parametrize("address", ["", "RNN 001", "-1", "../answers", "嵐南1", "A" * 33, "RNN-001\n"])
def test_what_is_no_station_is_refused_before_anything_is_sent(address):
    with pytest.raises(ValueError):
        station(address)


def test_the_simulated_gateway_runs_as_a_program(tmp_path, message):
    (tmp_path / "secret").write_text(SECRET)
    command = [sys.executable, "-m", "alertd.demo.gateway", "--port", "0", "--secret-file"]
    command += [str(tmp_path / "secret"), "--trouble", "RNN-002=dead", "--ledger", str(tmp_path / "ledger")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "simulated" in said
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
