"""The simulated SMTP server as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import smtplib
import subprocess
import sys
from pathlib import Path

import pytest

from alertd.demo.smtp_server import SimulatedSmtpServer

MAIL = b"Message-ID: <k-7@city.example.jp>\r\nX-Alertd-Status: Exercise\r\n\r\n.dot\r\n"


def test_a_killed_server_leaves_every_accepted_mail_in_its_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "var" / "mail.jsonl"
    command = [sys.executable, "-m", "alertd.demo.smtp_server", "--port", "0", "--ledger", str(ledger)]
    command += ["--fault", "rcpt/full@example.jp=452 4.2.2 Mailbox full"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "simulated" in said
        port = int(re.findall(r":(\d+)", said)[0])
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            refused = client.sendmail("alert@city.example.jp", ["aoi@example.jp", "full@example.jp"], MAIL)
            process.send_signal(signal.SIGKILL)
            process.wait()
            client.close()
    assert refused == {"full@example.jp": (452, b"4.2.2 Mailbox full")}
    (line,) = map(json.loads, ledger.read_text(encoding="utf-8").splitlines())
    assert (line["recipient"], line["key"], line["status"]) == ("aoi@example.jp", "k-7", "Exercise")
    assert line["bytes"] == len(MAIL)


def test_the_greeting_says_that_it_is_simulated() -> None:
    with SimulatedSmtpServer() as server, smtplib.SMTP(timeout=10) as client:
        code, greeting = client.connect("127.0.0.1", server.port)
        assert code == 220
        assert b"simulated" in greeting


def test_dots_at_the_beginning_of_a_line_and_an_empty_mail_arrive() -> None:
    with SimulatedSmtpServer() as server, smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        for data in (MAIL, b".\r\n..\r\n", b""):
            client.sendmail("alert@city.example.jp", ["aoi@example.jp"], data)
        assert [mail.data for mail in server.mails] == [MAIL, b".\r\n..\r\n", b"\r\n"]


@pytest.mark.parametrize("command", ["RCPT TO:<a@example.jp>", "MAIL FROM:nobody", "NONSENSE", "DATA"])
def test_commands_out_of_place_are_refused(command: str) -> None:
    with SimulatedSmtpServer() as server, smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.ehlo()
        assert client.docmd(command)[0] >= 500
        assert client.noop()[0] == 250
