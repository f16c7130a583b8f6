"""What strangers send is read or refused, never crashed on, and never slowly."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
