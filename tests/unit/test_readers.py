"""What strangers send is read or refused, never crashed on, and never slowly."""

from __future__ import annotations

import sys
import time
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alertd import bounce, mail_document
from tests.fuzz import READERS, documents, try_out


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_crashes_a_reader(name: str, data: st.DataObject):
    try_out(name, data.draw(documents(name)))


#: what grows: a part of a document that is repeated
_GROWING = {
    "cap": (b"<alert>" + b"<a>", b"<a>"),
    "feed": (b"<feed>", b"<entry><link href='/1'/>"),
    "recipients": ("名前,地区,メール\n".encode(), b'"a""b",'),
    "subscribers": ("メール,地区\n".encode(), "a@example.jp,嵐南\n".encode()),
    "mail": (b"Content-Type: message/delivery-status\r\n\r\n", b"Action: x\r\n"),
    "callback": (b"t=1,", b"v1=0,"),
    "token": (b"", b"1-"),
}


@pytest.mark.parametrize("name", _GROWING)
def test_a_document_of_eight_times_the_size_takes_no_square_of_the_time(name: str):
    begin, more = _GROWING[name]
    taken = []
    for times in (500, 4_000):
        document = begin + more * times
        best = 9.0
        for _ in range(2):
            started = time.process_time()
            try_out(name, document)
            best = min(best, time.process_time() - started)
        taken.append(best)
    assert taken[1] <= 0.02 + 24 * taken[0], taken


def _steps(document: bytes) -> int:
    """How many calls of functions a mail takes to be read; no clock has a say in it."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        try_out("mail", document)
    finally:
        sys.setprofile(before)
    return calls


_NESTED = b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n'
_STRANGE_MAILS = {
    "empty parts": lambda times: (
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + b"--b\r\n\r\n" * times
    ),
    "parts within parts": lambda times: b"".join(_NESTED % (n, n) for n in range(times)) + b"\r\n" * times,
    "headers": lambda times: b"X: y\r\n" * times * 10,
    "mails within mails": lambda times: b"Content-Type: message/rfc822\r\n\r\n" * times,
}


@pytest.mark.parametrize("kind", _STRANGE_MAILS)
def test_a_mail_of_ten_times_the_parts_takes_no_more_work(kind: str):
    few, many = (_steps(_STRANGE_MAILS[kind](times)) for times in (1_000, 10_000))
    assert many <= 1.1 * few + 1000, (few, many)
    assert many < 400_000


def test_a_bounce_is_read_whatever_follows_it():
    document = READERS["mail"].seed.replace(b"--b--\r\n", b"") + b"--b\r\n\r\n" * 5_000
    assert bounce.read(mail_document.read(document)) == bounce.read(mail_document.read(READERS["mail"].seed))
