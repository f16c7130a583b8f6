"""What the FM channel says when airings go wrong: never "aired" without proof."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Reason, Receipt, Target
from alertd.clock import SystemClock
from alertd.demo.station import QUEUE, SimulatedStation
from alertd.demo.station_player import Fault
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, WrongConfiguration
from alertd.settings import read_settings
from channels.fm import FmChannel
from channels.fm_settings import FmSettings
from channels.liquidsoap import annotated
from tests.station_sound import fm_sound

SENT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def station(tmp_path):
    with SimulatedStation(tmp_path / "s", ledger=tmp_path / "ledger.jsonl") as station:
        yield station


@pytest.fixture
def message(tmp_path):
    return Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示",
        text="これは訓練です。",
        sent=SENT,
        expires=SENT + timedelta(hours=6),
        audio=fm_sound(tmp_path),
    )


def fm(station: SimulatedStation, **changes: object) -> FmChannel:
    table = {"kind": "fm", "socket": str(station.socket_path), "timeout": 0.5, **changes}
    return FmChannel("fm", read_settings(FmSettings, table, "channels.fm"))


def target(key: str = "K-1", queue: str = QUEUE) -> Target:
    return Target(key=key, attempt=1, address=queue, answer_url="")


def air(channel: FmChannel, message: Message, key: str = "K-1", queue: str = QUEUE) -> Receipt:
    *passing, receipt = channel.send(message, [target(key, queue)])
    assert all(one.phase is not None and one.phase.under_way for one in passing)
    assert receipt.phase is None or not receipt.phase.under_way
    return receipt


def ask(channel: FmChannel, message: Message, handed_at: datetime, key: str = "K-1") -> Receipt | None:
    now = SystemClock().now()
    return channel.ask(
        Inquiry(target=target(key), ref=None, handed_at=handed_at, asked_at=now, message=message)
    )


def airings(station: SimulatedStation):
    assert station.player is not None
    assert station.player.wait_until_still(5)
    return station.ledger.entries("airing")


def test_a_whole_airing_is_delivered_with_its_sound_and_key(station, message):
    receipt = air(fm(station), message)
    assert receipt.outcome is Outcome.DELIVERED
    (entry,) = airings(station)
    assert (entry["key"], entry["sha256"], entry["complete"]) == ("K-1", message.audio.digest, True)
    assert receipt.ref == str(entry["rid"])


def test_a_faster_station_is_believed_only_when_it_is_simulated(station, message, tmp_path):
    assert station.player is not None
    station.go_down()
    with SimulatedStation(tmp_path / "fast", speed=60.0) as fast:
        long = replace(message, audio=fm_sound(tmp_path, 12.0))
        assert air(fm(fast, speed=60.0, simulated=True), long).outcome is Outcome.DELIVERED
    with pytest.raises(WrongConfiguration, match="simulated"):
        fm(station, speed=60.0)


@pytest.mark.parametrize(
    "headline",
    [
        '"quoted" \\ and \\" more',
        "line\r\nemergency.skip\nexit",
        'x":/etc/passwd,title="',
        "#{process.run('true')} $(x) `x` %{y}",
        "\u2028\x00\x1b[31m\ud800 津波",
        "長" * 500,
    ],
)
def test_no_title_harms_the_station_or_the_airing(station, message, headline):
    assert air(fm(station), replace(message, headline=headline)).outcome is Outcome.DELIVERED
    (entry,) = airings(station)
    assert set(entry["fields"]) == {
        "alertd_key",
        "alertd_status",
        "alertd_kind",
        "alertd_identifier",
        "title",
    }
    assert "\n" not in entry["uri"]
    assert "#{" not in entry["uri"]


def test_a_path_that_is_no_single_line_is_never_asked_for():
    for path in (Path("/x/a\nexit"), Path("a.wav")):
        with pytest.raises(ValueError, match="path"):
            annotated(path, {})


def test_a_missing_file_is_refused_not_aired(station, message, tmp_path):
    gone = replace(message.audio, path=tmp_path / "gone.wav")
    receipt = air(fm(station), replace(message, audio=gone))
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.REFUSED)
    assert airings(station) == []


def test_a_file_that_is_no_sound_is_refused(station, message, tmp_path):
    (tmp_path / "fm.wav").write_text("no sound")
    receipt = air(fm(station), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.REFUSED)


def test_without_a_sound_there_is_no_airing_yet(station, message):
    receipt = air(fm(station), replace(message, audio=None))
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.OTHER)
    assert airings(station) == []


@pytest.mark.parametrize("queue", ["no_such", "emergency.skip\nexit", "", "rec.skip"])
def test_an_address_that_is_no_queue_fails(station, message, queue):
    receipt = air(fm(station), message, queue=queue)
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.BAD_ADDRESS)
    assert airings(station) == []


def test_a_station_that_is_down_is_unavailable_and_nothing_is_kept(station, message):
    station.go_down()
    with pytest.raises(ChannelUnavailable):
        air(fm(station), message)


def test_a_frozen_station_is_unavailable_not_aired(station, message):
    station.fault = Fault.FROZEN
    with pytest.raises(ChannelUnavailable):
        air(fm(station), message)


@pytest.mark.parametrize("trouble", ["frozen", "down"])
def test_a_station_lost_in_mid_airing_leaves_a_doubt(station, message, tmp_path, trouble):
    def lose() -> None:
        if trouble == "frozen":
            station.fault = Fault.FROZEN
        else:
            station.go_down()

    losing = threading.Timer(0.7, lose)
    losing.start()
    receipt = air(fm(station), replace(message, audio=fm_sound(tmp_path, 2.0)))
    losing.join()
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)


def test_a_skipped_airing_is_not_delivered(station, message, tmp_path):
    station.fault = Fault.SKIP
    receipt = air(fm(station), replace(message, audio=fm_sound(tmp_path, 1.0)))
    assert receipt.outcome is Outcome.UNKNOWN
    assert "cut short" in (receipt.detail or "")
    assert [entry["complete"] for entry in airings(station)] == [False]


def test_what_vanishes_before_it_plays_has_failed(station, message):
    station.fault = Fault.VANISH
    receipt = air(fm(station), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.REFUSED)


def test_what_is_not_on_the_air_in_time_is_withdrawn(station, message):
    station.fault = Fault.MUTE
    receipt = air(fm(station, on_air_within=0.3), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.TIMEOUT)
    station.fault = None
    assert airings(station) == []


def test_what_does_not_end_is_taken_off(station, message):
    station.fault = Fault.STUCK
    receipt = air(fm(station, margin=0.3), message)
    assert receipt.outcome is Outcome.UNKNOWN
    assert [entry["complete"] for entry in airings(station)] == [False]


def test_an_interrupted_sender_leaves_nothing_waiting(station, message, monkeypatch):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    station.fault = Fault.MUTE
    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        air(fm(station), message)
    monkeypatch.undo()
    station.fault = None
    assert airings(station) == []


def test_a_taken_queue_is_busy_and_left_alone(station, message):
    assert station.player is not None
    station.player.push(str(message.audio.path))
    receipt = air(fm(station), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.BUSY)
    assert [(entry["key"], entry["complete"]) for entry in airings(station)] == [(None, True)]


def test_a_key_is_never_aired_twice(station, message):
    assert air(fm(station), message).outcome is Outcome.DELIVERED
    again = air(fm(station), message)
    assert (again.outcome, again.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert len(airings(station)) == 1


def test_a_key_that_still_waits_is_watched_not_pushed_again(station, message):
    assert station.player is not None
    station.player.push(annotated(message.audio.path, {"alertd_key": "K-1"}))
    assert air(fm(station), message).outcome is Outcome.DELIVERED
    assert len(airings(station)) == 1


def test_asked_about_an_airing_near_its_end_it_witnesses_the_end(station, message, tmp_path):
    assert station.player is not None
    handed_at = SystemClock().now()
    sound = fm_sound(tmp_path, 1.5)
    station.player.push(annotated(sound.path, {"alertd_key": "K-1"}))
    threading.Event().wait(0.2)
    receipt = ask(fm(station), replace(message, audio=sound), handed_at)
    assert receipt is not None
    assert receipt.outcome is Outcome.DELIVERED


def test_asked_about_a_long_airing_it_is_under_way(station, message, tmp_path):
    assert station.player is not None
    sound = fm_sound(tmp_path, 60.0)
    station.player.push(annotated(sound.path, {"alertd_key": "K-1"}))
    threading.Event().wait(0.2)
    receipt = ask(fm(station), replace(message, audio=sound), SystemClock().now())
    assert receipt is not None
    assert receipt.outcome is Outcome.ACCEPTED
    station.player.skip()


def test_asked_about_an_airing_whose_end_nobody_saw_it_says_so(station, message):
    assert air(fm(station), message).outcome is Outcome.DELIVERED
    receipt = ask(fm(station), message, SENT)
    assert receipt is not None
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)


def test_a_station_that_ran_all_the_time_and_never_heard_the_key_says_so(station, message):
    threading.Event().wait(1.2)
    assert ask(fm(station), message, SystemClock().now() + timedelta(seconds=1)) is None


def test_a_station_that_was_restarted_since_cannot_tell(station, message):
    receipt = ask(fm(station), message, SystemClock().now() - timedelta(minutes=5))
    assert receipt is not None
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)


def test_a_probe_names_the_output_that_is_missing(station):
    assert "Liquidsoap" in fm(station).probe()
    with pytest.raises(ChannelMisconfigured, match="nowhere"):
        fm(station, output="nowhere").probe()
    with pytest.raises(ChannelMisconfigured, match="cut_in"):
        fm(station, queue="cut_in").probe()


@pytest.mark.parametrize(
    "place", [{}, {"host": "127.0.0.1"}, {"socket": "/s", "host": "127.0.0.1", "port": 1}]
)
def test_a_section_names_one_station(place):
    with pytest.raises(WrongConfiguration, match=r"socket|both"):
        read_settings(FmSettings, {"kind": "fm", **place}, "channels.fm")


def test_a_station_may_listen_at_a_port(message):
    with SimulatedStation() as station:
        settings = read_settings(
            FmSettings, {"kind": "fm", "host": "127.0.0.1", "port": station.port}, "channels.fm"
        )
        assert air(FmChannel("fm", settings), message).outcome is Outcome.DELIVERED
