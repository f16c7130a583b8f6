"""The Apprise channel keeps the contract, against a JSON service of Apprise's on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import pytest

from alertd.errors import ChannelMisconfigured
from alertd.testing import ChannelContract, FarEnd, Heard, hand_over
from channels.apprise import AppriseChannel

pytestmark = pytest.mark.skipif(
    find_spec("apprise") is None, reason="the extra alertd[apprise] is not installed"
)

_YES_OR_NO = "Apprise says yes or no, and hands on title and text alone"


class Services(FarEnd):
    """Three services of one server, by name."""

    addresses = ("discord", "teams", "matrix")
    refused = "nowhere"
    secrets = ("right-token-5309", "wrong-token-8675")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.port = folder, 0
        self.told: list[tuple[str, str]] = []
        self.server: ThreadingHTTPServer | None = None
        self.come_up()

    def section(self) -> dict[str, object]:
        return self._section(self.secrets[0])

    def wrong_section(self) -> dict[str, object]:
        return self._section(self.secrets[1])

    def _section(self, token: str) -> dict[str, object]:
        lines = [f"{name} = json://user:{token}@127.0.0.1:{self.port}/{name}" for name in self.addresses]
        (self.folder / token).write_text("\n".join(["# services", "", *lines]))
        return {
            "kind": "apprise",
            "carries": ["Actual", "Exercise", "Test"],
            "services_file": str(self.folder / token),
        }

    def heard(self) -> Sequence[Heard]:
        return [Heard(address=name, text=text) for name, text in self.told]

    def go_down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def come_up(self) -> None:
        if self.server is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _service(self.told))
            self.port = self.server.server_port
            threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


def _service(told: list[tuple[str, str]]) -> type[BaseHTTPRequestHandler]:
    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((self.path.strip("/"), said["message"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Service


class TestApprise(ChannelContract):
    channel_class = AppriseChannel
    does_not_apply: ClassVar = {
        "test_the_key_is_seen_and_stays_the_same_over_attempts": _YES_OR_NO,
        "test_machines_can_tell_an_exercise_from_an_alert": _YES_OR_NO,
        "test_a_cancel_is_carried": _YES_OR_NO,
        "test_wrong_credentials_need_a_person": _YES_OR_NO,
        "test_a_genuine_callback_is_believed": "services do not call back",
        "test_a_forged_callback_is_refused": "services do not call back",
        "test_a_probe_is_answered_and_heard_by_nobody": "Apprise has no way to ask without sending",
    }

    @pytest.fixture
    def far_end(self, tmp_path: Path) -> Iterator[Services]:
        services = Services(tmp_path)
        yield services
        services.go_down()

    def test_a_line_that_names_no_service_needs_a_person(self, far_end: Services) -> None:
        section = far_end.section()
        Path(str(section["services_file"])).write_text("discord = nothing")
        channel = self.open(section)
        with pytest.raises(ChannelMisconfigured, match="line 1"):
            hand_over(channel, far_end.message(), far_end.targets(1))
