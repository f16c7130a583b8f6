"""The readers of what strangers send, and what each may say to it: an answer, or a refusal of our own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import strategies as st
from pydantic import SecretStr

from alertd import answerable, bounce, cap, jma, mail_document, recipient_list, shelter_list, subscriber_list
from alertd.channel import Callback
from alertd.errors import AlertdError
from alertd.feeds import links
from alertd.token import unseal
from channels import webhook_signature

AREAS = {"RNN": "嵐南", "SAE": "栄"}
_NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader: what it does with bytes, and what a good document looks like."""

    read: Callable[[bytes], object]
    seed: bytes


def _mail(document: bytes) -> None:
    message = mail_document.read(document)
    bounce.read(message)
    answerable.why_not(message, "a@example.jp", ("mx.example.jp",))
    answerable.address_of(message)


def _callback(document: bytes) -> None:
    header, _, body = document.partition(b"\n")
    callback = Callback(
        method="POST",
        url="https://alertd.example.jp/callbacks/gateway",
        headers={"x-alertd-signature": header.decode("latin-1")},
        body=body,
        query={},
        target=None,
        message=None,
        closed=False,
    )
    webhook_signature.check(SecretStr("a secret"), callback, _NOW)


_CAP = (
    '<?xml version="1.0" encoding="UTF-8"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">'
    "<identifier>a-1</identifier><sender>city@example.jp</sender><sent>2026-11-23T10:00:00+09:00</sent>"
    "<status>Exercise</status><msgType>Alert</msgType><scope>Public</scope><info><language>ja</language>"
    "<category>Met</category><event>大雨</event><urgency>Immediate</urgency><severity>Severe</severity>"
    "<certainty>Observed</certainty><headline>訓練</headline><description>訓練です。</description>"
    "<area><areaDesc>嵐南</areaDesc><polygon>37.6,138.9 37.6,139.0 37.7,139.0 37.6,138.9</polygon></area>"
    "</info></alert>"
).encode()
_DSN = (
    b"From: MAILER-DAEMON@example.jp\r\nContent-Type: multipart/report; report-type=delivery-status;"
    b' boundary="b"\r\nMIME-Version: 1.0\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nfailed\r\n--b\r\n'
    b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.jp\r\n\r\n"
    b"Final-Recipient: rfc822; a@example.jp\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 user unknown\r\n\r\n--b--\r\n"
)

READERS = {
    "cap": Reader(cap.parse, _CAP),
    "jma": Reader(jma.parse, _CAP.replace(b"urn:oasis", b"http://xml.kishou.go.jp/jmaxml1/")),
    "feed": Reader(
        lambda document: links(document, "https://city.example.jp/feed"),
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/1.xml"/></entry></feed>',
    ),
    "recipients": Reader(
        lambda document: recipient_list.read(document, areas=AREAS),
        "名前,地区,メール,電話\n三条太郎,嵐南,taro@example.jp,0256-33-1234\n".encode(),
    ),
    "subscribers": Reader(
        lambda document: subscriber_list.read(document, areas=AREAS),
        "メール,地区\nhana@example.jp,嵐南、栄\n".encode("cp932"),
    ),
    "shelters": Reader(shelter_list.read, "名称,緯度,経度\n第一中学校,37.63,138.96\n".encode()),
    "mail": Reader(_mail, _DSN),
    "callback": Reader(_callback, b't=1795410000,v1=00\n{"key":"1-a","outcome":"delivered"}'),
    "token": Reader(
        lambda document: unseal(b"s" * 32, "delivery", document.decode("utf-8", "replace")),
        b"12-AAAAAAAAAAAAAAAA",
    ),
}


def try_out(name: str, document: bytes) -> None:
    """Reads; a refusal of our own is a good answer, everything else is a crash."""
    with suppress(AlertdError):
        READERS[name].read(document)


def documents(name: str) -> st.SearchStrategy[bytes]:
    """Anything, and good documents that were cut, doubled, overwritten and joined."""
    seed = READERS[name].seed
    place = st.integers(0, len(seed))
    odd = st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                b"\x00",
                b"\xff\xfe",
                b"\xef\xbb\xbf",
                b'"',
                b"<!DOCTYPE x>",
                b"]]>",
                b"=?utf-7?b?AA?=",
                b"\r\n",
                b"9" * 400,
                b"-" * 400,
                "𠮷髙".encode(),
                b"1e999",
                b"&#x0;",
                b"%s%n{0}",
            ]
        ),
    )
    changed = st.builds(lambda a, b, put: seed[: min(a, b)] + put + seed[max(a, b) :], place, place, odd)
    twice = st.builds(lambda a, b: seed[:a] + seed[b:] + seed[a:], place, place)
    return st.one_of(
        st.binary(max_size=400), changed, changed, twice, st.builds(bytes.__add__, changed, changed)
    )
