"""What the radio channel sends: every sample, on time, by one interface, and no claim beyond."""

from __future__ import annotations

import hashlib
import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Generator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Inquiry, Message, Outcome, Phase, Reason, Receipt, Target
from alertd.clock import stopwatch
from alertd.demo.loudspeaker_page import Page, read_control
from alertd.demo.loudspeakers import SimulatedLoudspeakers
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, WrongConfiguration
from alertd.settings import read_settings
from alertd.speech import OUTDOOR_AUDIO, OUTDOOR_WIDE_AUDIO
from channels import radio_control
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings, zone
from channels.radio_sound import WrongSound, samples
from channels.rtp import Stream, multicast_socket, paced
from channels.rtp_payload import Encoding, as_alaw, payload
from tests.station_sound import fm_sound, free_zones, outdoor_sound, sound

SENT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture
def speakers():
    with SimulatedLoudspeakers(free_zones(3)) as speakers:
        yield speakers


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
        audio=outdoor_sound(tmp_path, 0.5),
    )


def radio(**changes: object) -> RadioChannel:
    return RadioChannel("radio", read_settings(RadioSettings, {"kind": "radio", **changes}, "channels.radio"))


def target(address: str, key: str = "K-1") -> Target:
    return Target(key=key, attempt=1, address=address, answer_url="")


def last_words(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Without those that only say that a page goes on."""
    return [one for one in receipts if one.phase is None or not one.phase.under_way]


def page(speakers: SimulatedLoudspeakers, message: Message, zones=None, **changes: object):
    """Pages the zones, one target for each; the receipts, and the ledger's pages."""
    zones = speakers.zones if zones is None else zones
    targets = [target(address, f"K-{number}") for number, address in enumerate(zones)]
    receipts = last_words(radio(**changes).send(message, targets))
    assert speakers.wait_until_quiet(5)
    return receipts, speakers.ledger.entries("page")


def test_every_sample_arrives_in_every_zone_in_order(speakers, message):
    sound = samples(message.audio)
    _, entries = page(speakers, message)
    assert len(entries) == 3
    assert {entry["packets"] for entry in entries} == {25}
    assert {entry["sha256"] for entry in entries} == {hashlib.sha256(sound).hexdigest()}
    for entry in entries:
        assert (entry["lost"], entry["doubles"], entry["disordered"]) == (0, 0, 0)
        assert (entry["marked"], entry["timely"], entry["payload_type"]) == (True, True, 0)
    assert len({entry["ssrc"] for entry in entries}) == 1


def test_zones_hear_it_at_the_same_time_and_at_the_speed_of_life(speakers, message):
    _, entries = page(speakers, message)
    starts = [datetime.fromisoformat(entry["start"]) for entry in entries]
    assert max(starts) - min(starts) < timedelta(seconds=0.2)
    for entry in entries:
        # 25 packets, 24 spaces of 20 ms; lenient, for other programs run on the machine
        assert 0.44 <= entry["heard_for"] < 1.5
        assert entry["max_gap_ms"] < 500


def test_a_page_is_never_called_delivered(speakers, message):
    receipts, _ = page(speakers, message)
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
    assert all("unconfirmed" in (receipt.detail or "") for receipt in receipts)
    assert {receipt.phase for receipt in receipts} == {Phase.RELEASED}


def test_each_zone_is_told_key_and_drill_beside_the_sound(speakers, message):
    _, entries = page(speakers, message)
    assert sorted(entry["key"] for entry in entries) == ["K-0", "K-1", "K-2"]
    assert all(
        entry["marks"] == {"status": "Exercise", "kind": "Alert", "identifier": "20261123-0001"}
        for entry in entries
    )


@pytest.mark.parametrize("encoding", ["pcma", "l16"])
def test_loudspeakers_get_the_encoding_that_they_are_set_to(tmp_path, message, encoding):
    format = OUTDOOR_WIDE_AUDIO if encoding == "l16" else OUTDOOR_AUDIO
    audio = sound(tmp_path, format, 0.31)
    zones = free_zones(1)
    (tmp_path / "heard").mkdir()
    with SimulatedLoudspeakers(zones, folder=tmp_path / "heard") as speakers:
        _, (entry,) = page(speakers, replace(message, audio=audio), encoding=encoding, payload_type=97)
    assert (entry["payload_type"], entry["packets"]) == ((97, 16) if encoding == "l16" else (8, 16))
    assert (entry["lost"], entry["timely"], entry["marked"]) == (0, True, True)
    (recording,) = (tmp_path / "heard").glob("*.wav")
    heard, rate = soundfile.read(recording)
    meant, meant_rate = soundfile.read(audio.path)
    assert rate == meant_rate == format.rate
    # the last packet is filled up with silence; A-law rounds otherwise than µ-law does
    assert len(heard) == len(meant) + rate // 100
    assert abs(heard[: len(meant)] - meant).max() <= (0.0 if encoding == "l16" else 0.02)
    assert abs(heard[len(meant) :]).max() < 0.001


def test_every_code_of_the_two_laws_means_nearly_the_same():
    codes = bytes(code for code in range(256) if code not in (0x7F, 0xFF))
    # what a decoder of G.711 makes of both: no further apart than half a step of either
    meant, heard = (
        soundfile.read(BytesIO(samples), samplerate=8000, channels=1, subtype=law, format="RAW")[0]
        for law, samples in (("ULAW", codes), ("ALAW", as_alaw(codes)))
    )
    assert (abs(heard - meant) <= abs(meant) / 32 + 16 / 32768).all()
    assert as_alaw(b"\xff") == b"\xd5"


def test_amplifiers_get_silence_before_the_sound(speakers, message):
    page(speakers, message, lead_silence=0.1)
    assert speakers.pages[0].sound == b"\xff" * 800 + samples(message.audio)


def test_a_zone_that_two_share_hears_it_once(speakers, message):
    zones = speakers.zones
    receipts, entries = page(speakers, message, [zones[0], zones[1], zones[0]])
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED] * 3
    assert sorted((entry["group"], entry["key"]) for entry in entries) == [
        (zones[0], "K-0"),
        (zones[1], "K-1"),
    ]


def test_each_page_has_an_identity_of_its_own(speakers, message):
    page(speakers, message, speakers.zones[:1])
    _, entries = page(speakers, message, speakers.zones[:1])
    assert len({entry["ssrc"] for entry in entries}) == 2


def test_the_recording_of_a_loudspeaker_can_be_played(message, tmp_path):
    zones = free_zones(1)
    with SimulatedLoudspeakers(zones, folder=tmp_path) as speakers:
        page(speakers, message, zones)
    (recording,) = tmp_path.glob("239*.wav")
    heard, rate = soundfile.read(recording)
    meant, _ = soundfile.read(message.audio.path)
    assert rate == 8000
    assert (heard == meant).all()


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1:5004",
        "127.0.0.1:5004",
        "224.0.0.1:5004",
        "255.255.255.255:5004",
        "239.192.0.1",
        "239.192.0.1:80",
        "239.192.0.1:65535",
        "239.192.0.1:5004\n",
        "239.192.0.999:5004",
        "239.192.0.1:5004,239.192.0.2:5004",
        "speakers.example.jp:5004",
        "",
    ],
)
def test_what_is_no_multicast_zone_fails_and_spoils_nothing(speakers, message, address):
    good = speakers.zones[0]
    bad, paged = last_words(radio().send(message, [target(address, "bad"), target(good)]))
    assert (bad.outcome, bad.reason) == (Outcome.FAILED, Reason.BAD_ADDRESS)
    assert paged.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("interface", ["203.0.113.7", "eth0", "0.0.0.0", "239.192.0.1", "::1", "127.0.0.1 "])
def test_an_interface_that_this_machine_has_not_is_refused_at_once(interface):
    with pytest.raises(WrongConfiguration, match="interface"):
        radio(interface=interface)


def test_an_interface_that_has_gone_makes_the_channel_unavailable(message):
    settings = RadioSettings.model_construct(
        **{**dict(RadioSettings(kind="radio")), "interface": "203.0.113.7"}
    )
    channel = RadioChannel("radio", settings)
    with pytest.raises(ChannelUnavailable):
        list(channel.send(message, [target("239.192.0.1:5004")]))
    with pytest.raises(ChannelUnavailable):
        channel.probe()


def test_a_probe_is_heard_by_nobody(speakers):
    assert "127.0.0.1" in radio().probe()
    assert speakers.wait_until_quiet(1)
    assert speakers.ledger.entries() == []


def test_nothing_leaves_by_another_interface_or_further_than_allowed():
    with multicast_socket("127.0.0.1", ttl=1) as sending:
        options = {
            socket.IP_MULTICAST_IF: socket.inet_aton("127.0.0.1"),
            socket.IP_MULTICAST_TTL: b"\x01",
            socket.IP_MULTICAST_LOOP: b"\x01",
        }
        for option, value in options.items():
            assert sending.getsockopt(socket.IPPROTO_IP, option, len(value)) == value
        assert sending.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("trouble", ["none", "other format", "no sound", "altered", "missing"])
def test_without_a_sound_that_fits_nobody_is_paged(speakers, message, tmp_path, trouble):
    audio = message.audio
    if trouble == "none":
        audio = None
    elif trouble == "other format":
        audio = fm_sound(tmp_path)
    elif trouble == "no sound":
        audio.path.write_text("no sound")
        audio = replace(audio, digest=hashlib.sha256(b"no sound").hexdigest())
    elif trouble == "altered":
        audio.path.write_bytes(audio.path.read_bytes() + b"\xff")
    else:
        audio.path.unlink()
    receipts, entries = page(speakers, replace(message, audio=audio))
    assert {(receipt.outcome, receipt.reason) for receipt in receipts} == {(Outcome.DEFERRED, Reason.OTHER)}
    assert entries == []


def test_a_status_that_is_not_carried_is_refused(speakers, message):
    with pytest.raises(ChannelMisconfigured):
        page(speakers, replace(message, status=Status.ACTUAL))


def test_a_page_that_nobody_watches_any_more_says_goodbye(speakers, message, tmp_path):
    going = radio().send(replace(message, audio=outdoor_sound(tmp_path, 5.0)), [target(speakers.zones[0])])
    assert next(going).phase is Phase.SIGNALLED
    assert isinstance(going, Generator)
    going.close()
    begun = stopwatch()
    assert speakers.wait_until_quiet(5)
    assert stopwatch() - begun < 0.8
    assert {entry["packets"] < 100 for entry in speakers.ledger.entries("page")} == {True}


def test_a_page_is_cut_short_in_all_its_zones_at_once(speakers, message, tmp_path):
    channel = radio()
    targets = [target(address, f"K-{number}") for number, address in enumerate(speakers.zones)]
    long = replace(message, audio=outdoor_sound(tmp_path, 5.0))
    going = channel.send(long, targets)
    passing = [next(going) for _ in targets]
    assert [(one.key, one.phase) for one in passing] == [(one.key, Phase.SIGNALLED) for one in targets]
    inquiry = Inquiry(target=targets[1], ref=None, handed_at=SENT, asked_at=SENT, message=long)
    asked = channel.ask(inquiry)
    assert asked is not None and asked.phase is Phase.SIGNALLED
    begun = stopwatch()
    assert channel.release(inquiry).phase is Phase.TRUNCATED
    assert stopwatch() - begun < 0.5
    words = list(going)
    assert {(one.outcome, one.phase) for one in words} == {(Outcome.UNKNOWN, Phase.TRUNCATED)}
    assert "of 5.0 s" in (words[0].detail or "")
    assert channel.release(inquiry).phase is Phase.TRUNCATED, "twice is harmless"
    assert speakers.wait_until_quiet(5)
    assert len({(entry["ssrc"], entry["packets"]) for entry in speakers.ledger.entries("page")}) == 1
    assert all(entry["packets"] < 100 for entry in speakers.ledger.entries("page"))


def test_what_its_dead_sender_has_spoken_nobody_can_tell(message):
    inquiry = Inquiry(
        target=target("239.192.0.1:5004"), ref=None, handed_at=SENT, asked_at=SENT, message=message
    )
    told = radio().ask(inquiry)
    assert told is not None
    assert (told.outcome, told.reason, told.phase) == (Outcome.UNKNOWN, Reason.IN_DOUBT, Phase.TRUNCATED)
    assert radio(lead_silence=2).limit(message) > timedelta(seconds=message.audio.seconds + 2)


def test_numbers_and_times_of_packets_wrap_around():
    stream = Stream(
        payload=payload(Encoding.PCMU, 96), ssrc=7, first_sequence=65535, first_timestamp=2**32 - 160
    )
    first, second = stream.packets(bytes(200))
    assert struct.unpack("!BBHII", first[:12]) == (0x80, 0x80, 65535, 2**32 - 160, 7)
    assert struct.unpack("!BBHII", second[:12]) == (0x80, 0x00, 0, 0, 7)
    assert second[12:] == bytes(40) + b"\xff" * 120
    heard = Page(zone="z", ssrc=7, start=SENT, end=SENT)
    for packet in (first, second, second):
        heard.take(packet, 0.0, SENT)
    assert (heard.lost, heard.doubles, heard.timely) == (0, 1, True)


def test_a_stall_is_heard_as_a_gap_and_never_made_up_by_a_burst(monkeypatch):
    times = iter([0.0, 0.0, 0.02, 5.0])
    now = [0.0]

    def clock() -> float:
        now[0] = next(times, now[0])
        return now[0]

    waits: list[float] = []
    monkeypatch.setattr("channels.rtp.stopwatch", clock)
    monkeypatch.setattr("time.sleep", waits.append)
    assert [number for number, _ in paced([b""] * 5)] == [0, 1, 2, 3, 4]
    # packets 0 and 1 are on time, 2 is nearly five seconds late, 3 and 4 keep their distance to it
    assert waits == [pytest.approx(0.02), pytest.approx(0.04)]


def test_control_packets_are_whole_words_and_survive_long_and_odd_marks():
    for length in range(9):
        said = radio_control.description(9, key="K" * length, marks={"status": "訓" * 200})
        assert len(said) % 4 == 0
        assert len(said) == 4 * (int.from_bytes(said[2:4]) + 1)
        control = read_control(
            radio_control.report(9, at=SENT, timestamp=1, packets=1, octets=160) + said + radio_control.bye(9)
        )
        assert control is not None
        assert (control.ssrc, control.key, control.ended) == (9, "K" * length, True)
        assert control.marks["status"].startswith("訓" * 70)


def test_a_damaged_wav_file_is_named_as_such(message):
    whole = message.audio.path.read_bytes()
    for cut in (0, 8, 11, 12, 30, 44):
        message.audio.path.write_bytes(whole[:cut])
        with pytest.raises(WrongSound):
            samples(replace(message.audio, digest=hashlib.sha256(whole[:cut]).hexdigest()))


def test_the_address_of_a_zone_is_read(message):
    assert zone("239.192.0.1:5004") == ("239.192.0.1", 5004)


def test_the_loudspeakers_run_as_a_program(message, tmp_path):
    zones = free_zones(1)
    command = [sys.executable, "-m", "alertd.demo.loudspeakers", *zones, "--ledger", str(tmp_path / "ledger")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "simulated" in process.stdout.readline()
        list(radio().send(message, [target(zones[0])]))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    (line,) = (tmp_path / "ledger").read_text().splitlines()
    assert json.loads(line)["sha256"] == hashlib.sha256(samples(message.audio)).hexdigest()
