"""The demo, end to end: real programs, real protocols, simulated far ends, and a channel by somebody else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.acceptance.guide import Guide


@contextmanager
def pager_gateway(pages: list[dict[str, str]]) -> Iterator[int]:
    """The town's pager gateway, as the guide's package calls it; its port."""

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            genuine = self.headers["Authorization"] == "Bearer let-me-in"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if genuine:
                pages.append(json.loads(body))
            self.send_response(200 if genuine else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_drill_reaches_all_channels_and_the_far_ends_agree(tmp_path: Path, guide: Guide) -> None:
    """Also by the package that was written by following the guide only, and is merely installed."""
    pages: list[dict[str, str]] = []
    (tmp_path / "token").write_text("let-me-in")
    (tmp_path / "demo").mkdir()
    left_by_the_last_one = {"rows": 70, "head": "0" * 64, "receipts": 3000}
    (tmp_path / "demo" / "watermark").write_text(json.dumps(left_by_the_last_one))
    with pager_gateway(pages) as port:
        (tmp_path / "pager.toml").write_text(
            '[channels.pager]\nkind = "pager"\nhost = "127.0.0.1"\n'
            f'port = {port}\ntoken_file = "token"\naddresses = ["101", "102"]\n'
        )
        done = guide.done(
            *("-m", "alertd", "demo", "--once", "--json", "--recipients", "40"),
            *("--folder", str(tmp_path / "demo"), "--channel", str(tmp_path / "pager.toml")),
            within=240,
        )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == "Exercise"
    assert told["state"] == "finished"
    assert set(told["channels"]) == {"fm", "radio", "phone", "mail", "pager"}
    for name, tally in told["channels"].items():
        counted = sum(number for key, number in tally.items() if key not in ("planned", "reasons", "answers"))
        assert counted == tally["planned"] > 0, name
        assert tally["pending"] == tally["deferred"] == 0, name
    assert told["planned"] == sum(tally["planned"] for tally in told["channels"].values())
    assert told["channels"]["pager"]["accepted"] == 2
    assert sorted(page["pager"] for page in pages) == ["101", "102"]
    assert all(page["status"] == "Exercise" and "訓練" in page["text"] for page in pages)
    assert told["channels"]["fm"]["delivered"] == 1
    assert told["channels"]["radio"]["accepted"] == 12
    assert told["channels"]["phone"]["acknowledged"] > 0
    assert told["ground_truth"] and all(row["tally"] == row["ledger"] for row in told["ground_truth"])
    assert told["wrong"] == []

    folder = tmp_path / "demo"
    assert "デモデータ — 実在の発令ではありません" in done.stderr
    for secret in ("alertd.toml", "secret", "telephone-token"):
        assert (folder / secret).stat().st_mode & 0o077 == 0
    passwords = [
        line.rpartition(" ")[2] for line in done.stderr.splitlines() if line.startswith("sign in as")
    ]
    assert len(passwords) == 3
    for log in (folder / "log").glob("*.log"):
        text = log.read_text(errors="replace")
        assert "Traceback" not in text, text
        assert "@example.jp" not in text
        assert "+81256" not in text
        assert not any(password in text for password in passwords)
