"""The SIP channel against real telephones: sipp, a recording baresip, and an exchange that keeps count."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from alertd.alert import MsgType, Status
from alertd.channel import Answer, Message, Outcome, Reason, Receipt, Target
from alertd.clock import SystemClock, stopwatch
from alertd.errors import ChannelMisconfigured, ChannelUnavailable, WrongConfiguration
from alertd.settings import read_settings
from alertd.speech import CALL_AUDIO
from channels import sip_words
from channels.baresip import MODULES
from channels.call_words import words
from channels.sip import SipChannel
from channels.sip_settings import SipSettings
from channels.sip_sound import recorded
from tests.servers import ROOT
from tests.sip_exchange import Exchange, Household
from tests.station_sound import sound

pytestmark = pytest.mark.skipif(
    shutil.which("baresip") is None, reason="baresip is not installed: apt-get install baresip-core"
)
needs_sipp = pytest.mark.skipif(
    shutil.which("sipp") is None, reason="sipp is not installed: apt-get install sip-tester"
)

NUMBER = "+81256000601"
SECONDS = 1.0


def pause(seconds: float) -> None:
    """Lets the others go on for a while."""
    threading.Event().wait(seconds)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        return asking.getsockname()[1]


def wait_for(what, within: float = 10) -> None:
    deadline = stopwatch() + within
    while not what():
        assert stopwatch() < deadline, "it did not happen"
        pause(0.02)


def is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def lines_of(channel: SipChannel) -> list[int]:
    """The processes of a channel's lines."""
    return sorted(line.pid for line in [*channel._idle, *channel._in_use])


@pytest.fixture
def message(tmp_path):
    sent = SystemClock().now()
    return Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示",
        text="これは訓練です。",
        sent=sent,
        expires=sent + timedelta(hours=6),
        audio=sound(tmp_path, CALL_AUDIO, SECONDS),
    )


@pytest.fixture
def exchange():
    exchange = Exchange()
    try:
        yield exchange
    finally:
        exchange.stop()


@pytest.fixture
def opened():
    """Opens channels for an exchange, and closes them."""
    with contextlib.ExitStack() as closing:

        def open_(address: str, **settings: object) -> SipChannel:
            section = {"kind": "sip", "exchange": address, "caller_id": "+81256000000", "lead_in": 0.2}
            section |= {"timeout": 1.0, "lines": 2} | settings
            channel = SipChannel("sip", read_settings(SipSettings, section, "channels.sip"))
            closing.callback(channel.close)
            return channel

        yield open_


def target(number: str = NUMBER, key: str = "d-1") -> Target:
    return Target(key=key, attempt=1, address=number, answer_url="")


def call(channel: SipChannel, message: Message, number: str = NUMBER):
    (receipt,) = channel.send(message, [target(number)])
    return receipt


# -- sipp ---------------------------------------------------------------------------------------------

_HEAD = """[last_Via:]
[last_From:]
[last_To:];tag=sipp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>"""
_EMPTY = f"{_HEAD}\nContent-Length: 0\n"
_MEDIA = f"""{_HEAD}
Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
"""


def say(status: str, rest: str = _EMPTY) -> str:
    return f"<send><![CDATA[\nSIP/2.0 {status}\n{rest}\n]]></send>"


def scenario(*steps: str) -> str:
    return "\n".join(['<?xml version="1.0"?><scenario name="household">', *steps, "</scenario>"])


HEARS = '<recv request="{}"/>'.format
WAITS = '<pause milliseconds="{}"/>'.format
ENDS = "{0}<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>"
PRESSES = (
    '<nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{}.pcap"/></action></nop>'.format
)


def refuses(status: str) -> str:
    return scenario(HEARS("INVITE"), say("100 Trying"), say(status), HEARS("ACK"))


def answers(*then: str) -> str:
    ring = (HEARS("INVITE"), say("180 Ringing"), WAITS(200), say("200 OK", _MEDIA), HEARS("ACK"))
    return scenario(*ring, *then)


RINGS_ON = scenario(
    HEARS("INVITE"),
    say("180 Ringing"),
    ENDS.format(HEARS("CANCEL")),
    # the INVITE's own end; sipp would put the CSeq of the CANCEL into it
    "<send><![CDATA[\nSIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=sipp[call_number]\n"
    "[last_Call-ID:]\nCSeq: [$n] INVITE\nContent-Length: 0\n\n]]></send>",
    HEARS("ACK"),
).replace(
    HEARS("INVITE"),
    '<recv request="INVITE"><action><ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="n"/></action></recv>',
)


@contextlib.contextmanager
def sipp(folder: Path, words: str):
    """A telephone that follows a scenario once."""
    file, port = folder / "scenario.xml", free_port()
    file.write_text(words)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port)]
    media = ["-mp", str(free_port() // 2 * 2)]
    with (folder / "sipp.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, *media, "-m", "1", "-nostdin"], stdout=output, stderr=output, cwd=folder
        )
        try:
            wait_for(lambda: is_taken(port))
            yield f"127.0.0.1:{port}"
            assert process.wait(10) == 0, "the call did not follow the scenario"
        finally:
            process.kill()
            process.wait()


@needs_sipp
@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ("486 Busy Here", Outcome.DEFERRED, Reason.BUSY),
        ("480 Temporarily Unavailable", Outcome.DEFERRED, Reason.NO_ANSWER),
        ("603 Decline", Outcome.DEFERRED, Reason.REFUSED),
        ("404 Not Found", Outcome.FAILED, Reason.BAD_ADDRESS),
        ("503 Service Unavailable", Outcome.DEFERRED, Reason.UNREACHABLE),
    ],
)
def test_each_refusal_of_a_telephone_has_its_own_reason(opened, message, tmp_path, status, outcome, reason):
    with sipp(tmp_path, refuses(status)) as address:
        receipt = call(opened(address, ask_first=False), message)
    assert (receipt.outcome, receipt.reason, receipt.detail) == (outcome, reason, status)


@needs_sipp
def test_a_telephone_that_rings_on_is_left_in_peace(opened, message, tmp_path):
    with sipp(tmp_path, RINGS_ON) as address:
        receipt = call(opened(address, ask_first=False, ring_seconds=1), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.NO_ANSWER)


@needs_sipp
@pytest.mark.skipif(os.geteuid() != 0, reason="sipp sends keys by a raw socket, which needs root")
def test_a_key_that_a_real_telephone_sends_is_an_answer(opened, message, tmp_path):
    presses = answers(WAITS(300), PRESSES(3), ENDS.format(HEARS("BYE")))
    with sipp(tmp_path, presses) as address:
        receipt = call(opened(address, ask_first=False, answer_menu="status"), message)
    assert (receipt.outcome, receipt.answer) == (Outcome.ACKNOWLEDGED, Answer.HELP)


@needs_sipp
def test_who_hangs_up_early_has_not_heard_it(opened, message, tmp_path):
    bye = (
        "<send><![CDATA[\nBYE sip:[service]@[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP "
        "[local_ip]:[local_port];branch=[branch]\nFrom: [$to];tag=sipp[call_number]\nTo: [$from]\n"
        "[last_Call-ID:]\nCSeq: 1 BYE\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send>"
        '<recv response="200"/>'
    )
    remember = (
        '<recv request="INVITE"><action><ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>'
    )
    remember += '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/></action></recv>'
    words = answers(WAITS(500), bye).replace(HEARS("INVITE"), remember)
    with sipp(tmp_path, words) as address:
        receipt = call(opened(address, ask_first=False), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.HUNG_UP)


# -- a telephone that records -------------------------------------------------------------------------


@contextlib.contextmanager
def recorder(folder: Path):
    """A baresip that answers at once and writes down what it hears."""
    port = free_port()
    modules = [name for name in (*MODULES, "account", "sndfile") if name not in ("ctrl_tcp", "menu")]
    loaded = "".join(f"module {name}.so\n" for name in modules)
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\naudio_source aubridge,a\n"
        "audio_player aubridge,b\nauplay_srate 8000\nausrc_srate 8000\nstatmode_default off\n"
        f"module_path /usr/lib/baresip/modules\n{loaded}module_app menu.so\nsnd_path {folder}\n"
    )
    (folder / "accounts").write_text(f"<sip:{NUMBER}@127.0.0.1:{port}>;regint=0;answermode=auto\n")
    with (folder / "recorder.log").open("wb") as output:
        process = subprocess.Popen(
            ["baresip", "-4", "-f", str(folder)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            wait_for(lambda: b"baresip is ready" in (folder / "recorder.log").read_bytes())
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def loudness(samples: np.ndarray) -> np.ndarray:
    """By 20 ms, 0 to 1."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(float)
    return np.sqrt((frames**2).mean(axis=1)) / 32768


def lies_in(recording: np.ndarray, said: np.ndarray) -> float:
    """How well what was said, as a whole, is found in a recording: 1 = without any loss."""
    sought, where = said.astype(float), recording.astype(float)
    size = 1 << (len(sought) + len(where)).bit_length()
    product = np.fft.irfft(np.fft.rfft(where, size) * np.conj(np.fft.rfft(sought, size)), size)
    start = int(product[: max(1, len(where) - len(sought) + 1)].argmax())
    piece = where[start : start + len(sought)]
    return float((piece @ sought) / np.sqrt((piece @ piece) * (sought @ sought) + 1))


@pytest.mark.skipif(
    not Path("/usr/lib/baresip/modules/sndfile.so").exists(), reason="baresip has no module to record with"
)
def test_the_whole_message_arrives_at_a_real_telephone(opened, message, tmp_path):
    folder = tmp_path / "recorder"
    folder.mkdir()
    message = replace(message, audio=sound(tmp_path, CALL_AUDIO, 4.0, "long.wav"))
    assert message.audio is not None
    with recorder(folder) as address:
        receipt = call(opened(address), message)
    assert receipt.outcome is Outcome.DELIVERED, receipt
    (file,) = folder.glob("dump*dec.wav")
    recording, rate = soundfile.read(file, dtype="int16")
    said, _ = soundfile.read(message.audio.path, dtype="int16")
    assert rate == 8000
    assert (loudness(recording) > 0.05).sum() * 0.02 == pytest.approx(4.0, abs=0.1)
    # a jitter buffer may lose or repeat a packet on a busy machine, a word it may not
    quarters = np.array_split(said, 4)
    assert [round(lies_in(recording, quarter), 1) for quarter in quarters] == [1.0] * 4


# -- an exchange that keeps count ---------------------------------------------------------------------


def test_every_sample_of_the_message_arrives_in_order(opened, exchange, message):
    receipt = call(opened(exchange.address), message)
    exchange.wait_until_still()
    assert (receipt.outcome, receipt.reason, receipt.answer) == (Outcome.DELIVERED, None, None)
    (heard,) = exchange.calls
    said, _ = soundfile.read(message.audio.path, dtype="int16")
    assert lies_in(heard.sound, said) > 0.999
    assert np.flatnonzero(loudness(heard.sound) > 0.05)[0] * 0.02 >= 0.2, "the hand needs time to the ear"


def test_early_media_does_not_swallow_the_beginning(opened, exchange, message):
    exchange.everybody = Household(early=0.8)
    receipt = call(opened(exchange.address), message)
    assert receipt.outcome is Outcome.DELIVERED
    said, _ = soundfile.read(message.audio.path, dtype="int16")
    assert lies_in(exchange.calls[0].sound, said) > 0.999


def test_zero_plays_it_again_and_other_keys_are_ignored(opened, exchange, message):
    exchange.everybody = Household(keys={0.4: "7", 0.8: "0"})
    receipt = call(opened(exchange.address), message)
    exchange.wait_until_still()
    assert (receipt.outcome, receipt.answer) == (Outcome.DELIVERED, None)
    seconds = (loudness(exchange.calls[0].sound) > 0.05).sum() * 0.02
    assert seconds == pytest.approx(0.6 + SECONDS, abs=0.15)


def test_an_answer_after_the_menu_is_thanked_for(opened, exchange, message, tmp_path):
    sound(tmp_path, CALL_AUDIO, 0.4, "ja-exercise-menu-understood.wav")
    sound(tmp_path, CALL_AUDIO, 0.7, "ja-exercise-thanks-understood.wav")
    exchange.everybody = Household(keys={0.2 + SECONDS + 0.6: "1"})
    channel = opened(exchange.address, words=str(tmp_path), key_wait=8)
    begun = stopwatch()
    receipt = call(channel, message)
    exchange.wait_until_still()
    assert (receipt.outcome, receipt.answer) == (Outcome.ACKNOWLEDGED, Answer.UNDERSTOOD)
    assert stopwatch() - begun < 8, "the key did not end the wait"
    seconds = (loudness(exchange.calls[0].sound) > 0.05).sum() * 0.02
    assert seconds == pytest.approx(SECONDS + 0.4 + 0.36 + 0.7, abs=0.15)


def test_listening_to_the_end_counts_for_who_hangs_up_at_the_menu(opened, exchange, message, tmp_path):
    sound(tmp_path, CALL_AUDIO, 1.0, "ja-exercise-menu-understood.wav")
    exchange.everybody = Household(hangs_up_after=0.2 + SECONDS + 0.4)
    receipt = call(opened(exchange.address, words=str(tmp_path)), message)
    assert receipt.outcome is Outcome.DELIVERED


def test_silence_of_a_living_exchange_is_nobody_at_home(opened, exchange, message):
    exchange.everybody = Household(reply=None)
    receipt = call(opened(exchange.address, ring_seconds=1), message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.NO_ANSWER)
    wait_for(lambda: exchange.calls[0].cancelled)


def test_a_call_that_meets_nothing_but_silence_is_unreachable(opened, message):
    channel = opened(f"127.0.0.1:{free_port()}", ring_seconds=1, ask_first=False)
    receipt = call(channel, message)
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.UNREACHABLE)


def test_what_is_played_to_a_dead_exchange_was_heard_by_nobody(opened, exchange, message):
    receipts = iter(opened(exchange.address).send(message, [target()]))
    dying = threading.Timer(0.9, exchange.go_down)
    dying.start()
    (receipt,) = receipts
    dying.join()
    assert exchange.calls[0].answered_at is not None
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)


def test_a_dead_exchange_costs_no_attempt(opened, message):
    channel = opened(f"127.0.0.1:{free_port()}")
    with pytest.raises(ChannelUnavailable):
        call(channel, message)
    assert lines_of(channel) == []


def test_lines_are_used_at_the_same_time_and_no_more_of_them(opened, exchange, message):
    channel = opened(exchange.address, lines=2)
    targets = [target(f"+8125600061{n}", f"d-{n}") for n in range(4)]
    receipts = list(channel.send(message, targets))
    assert {receipt.outcome for receipt in receipts} == {Outcome.DELIVERED}
    exchange.wait_until_still()
    spans = [(heard.answered_at, heard.ended_at) for heard in exchange.calls]
    at_once = [sum(begun <= other[0] < ended for begun, ended in spans) for other in spans]
    assert max(at_once) == 2
    assert len(lines_of(channel)) == 2


@pytest.mark.parametrize(
    ("settings", "dialled"),
    [
        ({}, NUMBER),
        ({"number_form": "national", "prefix": "0"}, "00256000601"),
        ({"prefix": "*9"}, "*9" + NUMBER),
    ],
)
def test_numbers_are_dialled_as_the_exchange_wants_them(opened, exchange, message, settings, dialled):
    exchange.everybody = Household(hangs_up_after=0.0)
    call(opened(exchange.address, **settings), message)
    assert [heard.number for heard in exchange.calls] == [dialled]


def test_an_exchange_that_wants_no_tags_gets_none(opened, exchange, message):
    exchange.everybody = Household(hangs_up_after=0.0)
    call(opened(exchange.address, tags=False), message)
    assert [heard.parameters for heard in exchange.calls] == [{}]


def test_an_exchange_that_does_not_know_us_needs_a_person(opened, exchange, message):
    exchange.password = "a-password"
    with pytest.raises(ChannelMisconfigured, match="password_file"):
        call(opened(exchange.address), message)


def test_a_password_with_signs_is_told_right(opened, exchange, message, tmp_path):
    exchange.password = "p@ss:w/rd!?&=x%41'#~|{}()"
    (tmp_path / "secret").write_text(exchange.password)
    channel = opened(exchange.address, password_file=str(tmp_path / "secret"), username="alertd")
    assert call(channel, message).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("number", ["119", "110", "+8110", "+12025550100", "+81570000000", "+81256000000"])
def test_what_must_not_be_called_is_never_dialled(opened, exchange, message, number):
    receipt = call(opened(exchange.address), message, number)
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.BAD_ADDRESS)
    assert exchange.calls == []


def test_a_drill_never_says_the_words_of_a_real_call(tmp_path):
    """The real ones promise help."""
    sound(tmp_path, CALL_AUDIO, 0.1, "ja-actual-thanks-help.wav")
    part = sip_words.thanks(Answer.HELP)
    assert sip_words.recording(tmp_path, "ja", part, exercise=True) is None
    assert sip_words.recording(tmp_path, "ja-JP", part, exercise=False) is not None


class Reader:
    """A voice that reads with a tone, and remembers what."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: list[tuple[str, str]] = []

    def speak(self, script, format):
        self.read.append((script.language, script.parts[0].text))
        return sound(self.folder, format, 0.1)

    def reading(self, script):
        return ""

    def close(self) -> None:
        """There is nothing to end."""


def test_every_word_of_a_call_can_be_recorded_in_every_language(tmp_path):
    reader = Reader(tmp_path)
    sip_words.record(tmp_path / "words", reader)
    parts = [sip_words.menu("understood"), sip_words.menu("status"), sip_words.CLOSING]
    parts += [sip_words.thanks(answer) for answer in Answer]
    for language in sip_words.LANGUAGES:
        for exercise in (True, False):
            for part in parts:
                file = sip_words.recording(tmp_path / "words", language, part, exercise=exercise)
                assert file is not None
                assert len(recorded(file)) == 800
    help_wanted = words("ja", exercise=False).thanks[Answer.HELP]
    assert reader.read.count(("ja", help_wanted)) == 1, "a drill would promise help"


def test_the_numbers_of_the_voice_channel_are_called():
    assert SipSettings(kind="sip", exchange="127.0.0.1", caller_id="200").reaches == "voice"


def test_without_sound_nobody_is_called(opened, exchange, message):
    receipt = call(opened(exchange.address), replace(message, audio=None))
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.OTHER)
    assert exchange.requests == []


def test_a_menu_that_is_no_telephone_sound_needs_a_person(opened, exchange, message, tmp_path):
    wrong = tmp_path / "ja-exercise-menu-understood.wav"
    soundfile.write(wrong, np.zeros(1600), 16000)
    with pytest.raises(ChannelMisconfigured, match="8000"):
        call(opened(exchange.address, words=str(tmp_path)), message)
    assert exchange.requests == []


def test_a_missing_program_needs_a_person(opened, exchange, message):
    with pytest.raises(ChannelMisconfigured, match="not installed"):
        call(opened(exchange.address, program="no-such-telephone"), message)


def test_a_password_that_baresip_cannot_be_told_is_refused(tmp_path, opened):
    (tmp_path / "secret").write_text("half;other=half")
    with pytest.raises(WrongConfiguration, match="password") as caught:
        opened("127.0.0.1", password_file=str(tmp_path / "secret"))
    assert "half" not in str(caught.value)


# -- processes and sockets ----------------------------------------------------------------------------


def test_a_line_that_is_killed_in_a_call_leaves_it_in_doubt_and_is_replaced(opened, exchange, message):
    channel = opened(exchange.address)
    killed: list[int] = []

    def kill() -> None:
        wait_for(lambda: exchange.calls and exchange.calls[0].answered_at)
        killed.extend(lines_of(channel))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    receipt = call(channel, message)
    killer.join()
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert call(channel, message).outcome is Outcome.DELIVERED
    assert set(lines_of(channel)).isdisjoint(killed)
    exchange.calls[0].ended_at = 0.0  # nobody was left to hang up


def test_an_idle_line_that_died_is_replaced_unnoticed(opened, exchange, message):
    channel = opened(exchange.address, lines=1)
    assert call(channel, message).outcome is Outcome.DELIVERED
    (pid,) = lines_of(channel)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not runs(pid))
    assert call(channel, message).outcome is Outcome.DELIVERED


def test_what_rings_falls_silent_and_who_has_answered_is_left_to_listen(opened, exchange, message):
    channel = opened(exchange.address, lines=3)
    answers, rings, rings_too = (target(f"+8125600060{n}", f"d-{n}") for n in range(1, 4))
    for one in (rings, rings_too):
        exchange.households[one.address] = Household(reply=None)
    receipts: dict[str, Receipt] = {}
    calls = threading.Thread(
        target=lambda: receipts.update(
            (one.key, one) for one in channel.send(message, [answers, rings, rings_too])
        )
    )
    calls.start()
    wait_for(lambda: len(exchange.calls) == 3 and any(one.packets for one in exchange.calls))
    begun = stopwatch()
    channel.fall_silent()
    wait_for(lambda: sum(one.cancelled for one in exchange.calls) == 2)
    assert stopwatch() - begun < 1
    calls.join()
    channel.fall_silent()
    assert [receipts[one.key].outcome for one in (answers, rings, rings_too)] == [
        Outcome.DELIVERED,
        Outcome.DEFERRED,
        Outcome.DEFERRED,
    ]
    assert call(channel, message).outcome is Outcome.DELIVERED, "the next alert rings again"


def test_closing_hangs_up_and_leaves_no_process_and_no_file(opened, exchange, message, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    channel = opened(exchange.address)
    receipts = channel.send(message, [target()])
    reading = threading.Thread(target=lambda: list(receipts))
    reading.start()
    wait_for(lambda: exchange.calls and exchange.calls[0].answered_at)
    pids = lines_of(channel)
    begun = stopwatch()
    channel.close()
    reading.join()
    assert stopwatch() - begun < 2
    assert exchange.calls[0].ended_at is not None
    assert pids
    assert not any(runs(pid) for pid in pids)
    assert list((tmp_path / "made").iterdir()) == []


_WORKER = """
import sys
from pathlib import Path
from tests.far_ends.test_sip import endless
endless(sys.argv[1], Path(sys.argv[2]))
"""


def endless(address: str, folder: Path) -> None:
    """A worker that makes one long call, and prints its line's process number."""
    settings = SipSettings(kind="sip", exchange=address, caller_id="+81256000000")
    channel = SipChannel("sip", settings)
    sent = SystemClock().now()
    message = replace(
        Message(
            identifier="1",
            kind=MsgType.ALERT,
            status=Status.EXERCISE,
            language="ja",
            headline="",
            text="",
            sent=sent,
            expires=sent,
        ),
        audio=sound(folder, CALL_AUDIO, 60.0, "long.wav"),
    )

    def tell() -> None:
        wait_for(lambda: lines_of(channel))
        os.write(1, f"{lines_of(channel)[0]}\n".encode())

    threading.Thread(target=tell, daemon=True).start()
    list(channel.send(message, [target()]))


def test_a_worker_that_is_killed_takes_its_lines_with_it(exchange, tmp_path):
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_WORKER), exchange.address, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    with worker.stdout:
        pid = int(worker.stdout.readline())
        wait_for(lambda: exchange.calls and exchange.calls[0].answered_at)
        assert runs(pid)
        worker.kill()
        worker.wait()
        wait_for(lambda: not runs(pid), within=5)
    wait_for(lambda: exchange.calls[0].ended_at)


def test_commands_and_signalling_are_taken_on_the_interface_only(opened, exchange, message):
    channel = opened(exchange.address, lines=1)
    assert call(channel, message).outcome is Outcome.DELIVERED
    (pid,) = lines_of(channel)
    sockets = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
    inodes = {found[1] for name in sockets if (found := re.match(r"socket:\[(\d+)\]", name))}
    listening = [
        row.split()[1].partition(":")[0]
        for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        if row.split()[3] == "0A" and row.split()[9] in inodes
    ]
    assert set(listening) == {"0100007F"}
