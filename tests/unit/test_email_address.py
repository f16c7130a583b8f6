"""Addresses as SMTP wants them."""

from __future__ import annotations

import pytest

from channels.email_address import mailbox


@pytest.mark.parametrize("address", ["aoi@example.jp", "a.b+c_d@mail.city.sanjo.example.jp", "x@a-b.example"])
def test_an_ordinary_address_stays_as_it_is(address: str) -> None:
    assert mailbox(address) == address


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("a..b@docomo.example.jp", '"a..b"@docomo.example.jp'),
        ("ab.@ezweb.example.jp", '"ab."@ezweb.example.jp'),
        (".ab@ezweb.example.jp", '".ab"@ezweb.example.jp'),
        ('"a..b"@docomo.example.jp', '"a..b"@docomo.example.jp'),
    ],
)
def test_an_old_carrier_address_is_quoted(address: str, wanted: str) -> None:
    assert mailbox(address) == wanted


def test_a_japanese_domain_is_written_in_ascii() -> None:
    assert mailbox("aoi@三条.example.jp") == "aoi@xn--ehqt13d.example.jp"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "aoi",
        "@example.jp",
        "aoi@",
        "aoi@-example.jp",
        "aoi@example..jp",
        "aoi@example.jp.",
        "aoi@[127.0.0.1]",
        "aoi haru@example.jp",
        "aoi>@example.jp",
        "aoi@example.jp>",
        "aoi@example.jp\r\nRCPT TO:<haru@example.jp>",
        "aoi\n@example.jp",
        "aoi\0@example.jp",
        '"a"b"@example.jp',
        "葵@example.jp",
        "a" * 65 + "@example.jp",
        "aoi@" + "a." * 126 + "example.jp",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValueError, match=r"^[ -~]+$") as caught:
        mailbox(address)
    assert not address or address not in str(caught.value)
