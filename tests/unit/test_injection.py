"""Injection: no text, name or address breaks out of where it stands, in mails, calls, lists and logs."""

from __future__ import annotations

import base64
import csv
import io
import logging
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from alertd import address
from alertd.alert import Area, Status
from alertd.city import City
from alertd.errors import WrongInput
from alertd.log_line import LogLine
from alertd.redact import redacted
from alertd.spreadsheet import guarded
from alertd.template import fill, template
from channels.email_header import names
from channels.email_message import ALLOWED
from tests.answering_desk import MESSAGE
from tests.unit.test_email_message import SENT, mail, message, settings
from tests.unit.test_voice_script import script

_TARGET = "injected@example.com"
#: every character that some reader takes for the end of a line, or that no header may have
_ENDS = [chr(code) for code in (*range(0x00, 0x09), *range(0x0A, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]
_ENDS += ["\r\n", "\n\r", "\r\n ", "\r\n\t", "\n.\n", "\r\n.\r\n", "\r\n\r\n"]
_PAYLOADS = (f"Bcc: {_TARGET}", f"To: {_TARGET}", "X-Spam: no", f"\r\nRCPT TO:<{_TARGET}>")


def _raw() -> Iterator[str]:
    for end, payload in product(_ENDS, _PAYLOADS):
        yield f"避難{end}{payload}"
        yield f"{end}{payload}"


def _encoded() -> Iterator[str]:
    """RFC 2047 words that an e-mail package may decode into the end of a line (CVE-2024-6923)."""
    inner = f"\r\nBcc: {_TARGET}"
    q = "".join(f"={byte:02X}" for byte in inner.encode())
    b = base64.b64encode(inner.encode()).decode()
    charsets = ("UTF-8", "utf-8", "us-ascii", "iso-8859-1", "ISO-2022-JP", "utf-7", "utf-8*ja", "x-unknown")
    for charset, (kind, text) in product(charsets, (("Q", q), ("q", q.lower()), ("B", b), ("b", b))):
        for around in ("{}", "避難 {}", "{} 避難", "a{}b", "\t{}", "{} {}"):
            yield around.replace("{}", f"=?{charset}?{kind}?{text}?=")


RAW, ENCODED = list(_raw()), list(_encoded())


def test_the_corpus_of_headers_has_500_cases_and_more():
    assert len(set(RAW)) >= 500 and len(set(ENCODED)) >= 180


@pytest.mark.parametrize("corpus", [RAW, ENCODED], ids=["raw", "encoded"])
def test_no_headline_makes_a_header(corpus: list[str]):
    escaped = []
    for text in corpus:
        try:
            written = mail(message(headline=text))
        except WrongInput:
            continue
        head = written.partition(b"\r\n\r\n")[0]
        if not names(head) <= ALLOWED or _TARGET.encode() in head:
            escaped.append(text)
    assert escaped == []


def test_no_name_of_a_sender_makes_a_header():
    taken = []
    for text in (*RAW, *ENCODED):
        try:
            settings(sender_name=text)
        except ValueError:
            continue
        taken.append(text)
    assert taken == []


def test_no_address_carries_a_command():
    """What is taken for an address is one, without anything that ends a line of SMTP."""
    bad = []
    for end, payload in product(_ENDS, _PAYLOADS):
        for text in (f"a{end}b@example.jp", f"a@example.jp{end}{payload}", f"{end}{payload}<a@example.jp>"):
            try:
                taken = address.email(text)
            except WrongInput:
                continue
            if not taken.isascii() or not taken.isprintable() or " " in taken or taken.count("@") != 1:
                bad.append(text)
    assert bad == []


_VERBS = ("Dial", "Redirect", "Record", "Play", "Sms", "Enqueue", "Refer", "Pay", "Stream", "Say")


def test_no_text_becomes_a_verb_of_a_call():
    closers = (
        "</Say>",
        "]]>",
        "-->",
        "?>",
        '"/>',
        "'/>",
        "&lt;/Say&gt;",
        "&#60;/Say>",
        "</Gather></Response>",
        "",
    )
    for closer, verb in product(closers, _VERBS):
        hostile = f"{closer}<{verb}>+81256000110</{verb}><!--&x;\x00\x1b"
        spoken = replace(MESSAGE, text=hostile, short_text=hostile, headline=hostile, audio_url=None)
        for document in (script(spoken).answered(), script(spoken).left_on_machine()):
            found = {element.tag for element in ElementTree.fromstring(document).iter()}
            assert found <= {"Response", "Gather", "Pause", "Say", "Redirect", "Hangup"}, hostile
            assert not any(
                "110" in (one.text or "") for one in ElementTree.fromstring(document).iter("Redirect")
            )


def test_no_cell_is_computed():
    formulas = [
        f"{sign}{rest}"
        for sign, rest in product(
            ("=", "+", "-", "@", "\t=", "\r=", "＝", "＋", "－", "＠", "'="),
            ("1+1", "cmd|'/c calc'!A0", 'HYPERLINK("https://x.example")', "SUM(A1:A9)", "DDE(1)", "2,3;4\n5"),
        )
    ]
    file = io.StringIO()
    csv.writer(file).writerows([guarded(cell)] for cell in formulas)
    read = [row[0] for row in csv.reader(io.StringIO(file.getvalue()))]
    assert [cell[1:].replace("\r\n", "\n") for cell in read] == [
        cell.replace("\r\n", "\n") for cell in formulas
    ]
    assert all(cell.startswith("'") for cell in read)


def test_no_value_of_a_template_is_a_template():
    for text in ("{river}", "{shelters}", "{0.__class__}", "{river.__init__.__globals__}", "%(river)s", "${river}",
                 "{{7*7}}", "{% for x in y %}", "#{7*7}", "<%= 7*7 %>"):  # fmt: skip
        try:
            alert = fill(
                template("flood-4"),
                {"river": text, "shelters": "第一中学校"},
                city=City(),
                status=Status.EXERCISE,
                identifier="injection.1",
                sent=SENT,
                expires=SENT + timedelta(hours=6),
                areas=(Area(description="嵐南"),),
            )
        except WrongInput:
            continue
        words = alert.infos[0].description or ""
        assert text in words and "49" not in words and "__" not in words.replace(text, "")


def test_a_line_of_the_log_stays_one_line():
    log = logging.getLogger("tests.injection")
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(LogLine())
    log.addHandler(handler)
    log.propagate = False
    try:
        for end in _ENDS:
            log.warning("a far end said: %s", f"ok{end}2026-11-23T00:00:00Z ERROR forged")
        try:
            raise ValueError("ok\n2026-11-23T00:00:00Z ERROR forged\x1b[2J")
        except ValueError:
            log.exception("an accident")
    finally:
        log.removeHandler(handler)
    lines = shown.getvalue().splitlines()
    assert len([line for line in lines if not line.startswith("| ")]) == len(_ENDS) + 1
    assert not any("\x1b" in line or line.startswith("2026-11-23T00:00:00Z ERROR") for line in lines)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <taro@example.jp>: user unknown", "550 5.1.1 <…>: user unknown"),
        ("taro@example.jp is full; call +81256331234", "<…> is full; call <…>"),
        ("no answer from 0256-33-1234", "no answer from <…>"),
        ("250 2.0.0 Ok: queued as 4ZxT0p2Rk1z3", "250 2.0.0 Ok: queued as 4ZxT0p2Rk1z3"),
    ],
)
def test_what_a_far_end_repeats_of_a_person_is_not_kept(said: str, kept: str):
    assert redacted(said) == kept
