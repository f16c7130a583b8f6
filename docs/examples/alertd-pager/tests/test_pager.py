"""The pager channel keeps the contract, against a gateway on this machine."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from alertd_pager import PagerChannel

from alertd.alert import MsgType, Status
from alertd.testing import ChannelContract, FarEnd, Heard


class PagerFarEnd(FarEnd):
    addresses = ("1001", "1002", "1003")
    refused = "9999"
    secrets = ("right-token-1", "wrong-token-2")

    def __init__(self, folder):
        super().__init__()
        self.folder, self.pages, self.port = folder, [], 0
        for name in self.secrets:
            (folder / name).write_text(name)
        self.come_up()

    def section(self, token="right-token-1"):
        return {
            "kind": "pager",
            "carries": ["Actual", "Exercise", "Test"],
            "host": "127.0.0.1",
            "port": self.port,
            "token_file": str(self.folder / token),
        }

    def wrong_section(self):
        return self.section("wrong-token-2")

    def heard(self):
        return [
            Heard(
                address=page["pager"],
                key=page["key"],
                text=page["text"],
                status=Status(page["status"]),
                kind=MsgType(page["kind"]),
                references=tuple(page["references"]),
            )
            for page in self.pages
        ]

    def come_up(self):
        if self.port and self.server is not None:
            return
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _gateway(self.pages))
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def go_down(self):
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


def _gateway(pages):
    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self):
            page = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 404 if page["pager"] == "9999" else 200
            if self.headers["Authorization"] != "Bearer right-token-1":
                status = 401
            if status == 200:
                pages.append(page)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *arguments):
            pass

    return Gateway


class TestPager(ChannelContract):
    channel_class = PagerChannel
    does_not_apply = {
        "test_a_genuine_callback_is_believed": "the gateway calls nobody back",
        "test_a_forged_callback_is_refused": "the gateway calls nobody back",
        "test_a_probe_is_answered_and_heard_by_nobody": "the gateway has nothing to ask",
        "test_a_preview_is_heard_by_nobody": "a page is its text",
    }

    @pytest.fixture
    def far_end(self, tmp_path):
        far_end = PagerFarEnd(tmp_path)
        yield far_end
        far_end.go_down()

    def test_a_drill_reaches_the_pagers_and_the_tally_says_so(self, far_end, drill):
        assert drill(far_end.section(), [*far_end.addresses, far_end.refused]) == {"accepted": 3, "failed": 1}
        assert all("これは訓練です" in page.text for page in far_end.heard())
