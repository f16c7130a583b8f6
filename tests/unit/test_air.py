"""The stream of the air is heard from now on: not what was before, not when it breaks off, and never made up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alertd.clock import stopwatch
from alertd.errors import ChannelUnavailable, WrongConfiguration
from alertd.settings import read_settings
from channels.air import Listener
from channels.air_check import AirCheck
from channels.fm_settings import FmSettings
from tests.serving import free_port
from tests.station_sound import mp3_sound


@contextmanager
def streamed(before: bytes, then: bytes, *, status: int = 200) -> Iterator[str]:
    """A server that sends some sound at once, and the other as it is aired."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "audio/mpeg")
            self.end_headers()
            with suppress(OSError):  # the listener goes when it likes
                self.wfile.write(before)
                for at in range(0, len(then), len(then) // 10 or 1):
                    threading.Event().wait(0.1)
                    self.wfile.write(then[at : at + (len(then) // 10 or 1)])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/air"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory):
    return mp3_sound(tmp_path_factory.mktemp("sound"), 1.2)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory):
    return mp3_sound(tmp_path_factory.mktemp("sound"), 4.0)


def test_what_is_aired_now_is_heard_though_listeners_join_in_the_middle_of_a_frame(sound) -> None:
    data = sound.path.read_bytes()
    with (
        streamed(data[333 : len(data) // 4], data) as url,
        AirCheck(Listener(url, timeout=2), lag=4.0) as check,
    ):
        assert check.heard(sound).heard


def test_what_was_aired_before_is_not_taken_for_what_is_aired_now(longer) -> None:
    """The same alert a moment ago is still in what the server sends at once."""
    with (
        streamed(longer.path.read_bytes(), b"\0" * 100) as url,
        AirCheck(Listener(url, timeout=2), lag=1.0) as check,
        pytest.raises(ChannelUnavailable, match="does not go on"),
    ):
        check.heard(longer)


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [(b"<html>no sound</html>" * 99, 200, "no format"), (b"", 404, "404")],
)
def test_what_is_no_sound_is_nothing_heard(sound, content: bytes, status: int, said: str) -> None:
    with streamed(content, b"", status=status) as url, AirCheck(Listener(url, timeout=2), lag=0.0) as check:
        threading.Event().wait(0.3)
        with pytest.raises(ChannelUnavailable, match=said):
            check.heard(sound)


def test_a_stream_that_cannot_be_reached_keeps_nobody_waiting(sound) -> None:
    begun = stopwatch()
    with (
        AirCheck(Listener(f"http://127.0.0.1:{free_port()}/air", timeout=2), lag=0.0) as check,
        pytest.raises(ChannelUnavailable, match="reached"),
    ):
        check.heard(sound)
    assert stopwatch() - begun < 1.0


def test_closing_breaks_off_a_stream_that_says_nothing(tmp_path: Path) -> None:
    with streamed(b"", b"x" * 10) as url:
        listener = Listener(url, timeout=30)
        threading.Event().wait(0.2)
        begun = stopwatch()
        listener.close()
        listener.close()
        assert stopwatch() - begun < 0.5


@pytest.mark.parametrize(
    "more", [{"air_stream": "192.0.2.1:8000"}, {"air_stream": "http://x.example/", "recording": "/x.wav"}]
)
def test_one_ear_is_enough_and_its_address_is_whole(more: dict[str, object]) -> None:
    table = {"kind": "fm", "socket": "/s", **more}
    with pytest.raises(WrongConfiguration, match="air_stream"):
        read_settings(FmSettings, table, "channels.fm")
