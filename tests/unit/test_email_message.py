"""The bytes of a mail, and that nothing breaks out of its headers."""

from __future__ import annotations

from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.parser import BytesParser
from email.policy import default as default_policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.alert import MsgType, Reference, Status
from alertd.channel import Message, Target
from alertd.errors import WrongInput
from channels.email_header import names
from channels.email_message import ALLOWED, MailTemplate
from channels.email_settings import EmailSettings

SENT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
TARGET = Target(
    key="k-1",
    attempt=1,
    address="aoi@example.jp",
    answer_url="https://alertd.example.jp/callbacks/mail?key=k-1",
    stop_url="https://alertd.example.jp/stop/k-1",
)

INJECTIONS = [
    "避難\r\nBcc: haru@example.jp",
    "避難\nBcc: haru@example.jp",
    "避難\rBcc: haru@example.jp",
    "避難 =?UTF-8?Q?=0D=0A?=Bcc: haru@example.jp",
    "避難 =?utf-8?b?DQpCY2M6IGhhcnVAZXhhbXBsZS5qcA==?=",
    "避難\0",
    "避難\x0b",
    "避難\x0cBcc: haru@example.jp",
    "避難\x85Bcc: haru@example.jp",
    "避難\u2028Bcc: haru@example.jp",
    "避難\u2029Bcc: haru@example.jp",
    "避難\x1bBcc",
    "避難\ud800",
]


def settings(**changes: object) -> EmailSettings:
    table: dict[str, object] = {
        "kind": "email",
        "host": "127.0.0.1",
        "sender": "alert@city.example.jp",
        "sender_name": "三条市防災",
        "reply_to": "bosai@city.example.jp",
        "list_id": "alerts.city.example.jp",
    }
    return EmailSettings.model_validate({**table, **changes})


def message(**changes: object) -> Message:
    fields: dict[str, object] = {
        "identifier": "20261123-0001",
        "kind": MsgType.ALERT,
        "status": Status.EXERCISE,
        "language": "ja",
        "headline": "【訓練】避難指示",
        "text": "これは訓練です。",
        "sent": SENT,
        "expires": SENT,
    }
    return Message(**{**fields, **changes})  # type: ignore[arg-type]


def mail(message: Message, target: Target = TARGET, recipient: str = "aoi@example.jp") -> bytes:
    return MailTemplate.of(message, settings()).for_target(target, recipient)


@pytest.mark.parametrize("headline", INJECTIONS)
def test_a_headline_that_could_end_its_header_is_refused_by_name(headline: str) -> None:
    with pytest.raises(WrongInput, match=r"^headline: must not contain") as caught:
        mail(message(headline=headline))
    assert caught.value.problems[0].field == "headline"


@pytest.mark.parametrize("name", INJECTIONS)
def test_a_senders_name_that_could_end_its_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="sender_name"):
        settings(sender_name=name)


@pytest.mark.parametrize(
    "url",
    ["https://a.example.jp/\r\nBcc: x@example.jp", "https://a.example.jp/>", "javascript:x", "https://三条/"],
)
def test_a_stop_url_that_could_end_its_header_is_refused(url: str) -> None:
    target = Target(key="k", attempt=1, address="a@example.jp", answer_url="", stop_url=url)
    with pytest.raises(WrongInput, match="stop_url"):
        mail(message(), target)


@given(
    st.text(max_size=200),
    st.text(max_size=300),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=80),
)
def test_no_input_makes_a_header_of_its_own(headline: str, text: str, identifier: str) -> None:
    try:
        written = mail(message(headline=headline, text=text, identifier=identifier))
    except WrongInput:
        return
    head, _, body = written.partition(b"\r\n\r\n")
    assert names(head) <= ALLOWED
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert not any(line.startswith(b".") for line in written.split(b"\r\n"))
    parsed = BytesParser(policy=default_policy).parsebytes(written)
    assert {name.lower() for name in parsed} <= ALLOWED
    assert str(make_header(decode_header(_raw(written, "Subject")))).strip() == headline.strip()
    assert body.isascii()


def _raw(written: bytes, name: str) -> str:
    head = written.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n ", " ")
    return next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith(f"{name}:"))


def test_a_mail_says_who_what_and_when() -> None:
    parsed = BytesParser(policy=default_policy).parsebytes(mail(message()))
    assert parsed["From"] == "三条市防災 <alert@city.example.jp>"
    assert parsed["To"] == "aoi@example.jp"
    assert parsed["Reply-To"] == "bosai@city.example.jp"
    assert parsed["Subject"] == "【訓練】避難指示"
    assert parsed["Date"] == "Mon, 23 Nov 2026 10:02:03 +0900"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["List-Id"] == "<alerts.city.example.jp>"
    assert parsed["Content-Language"] == "ja"
    assert parsed["X-Alertd-Status"] == "Exercise"
    assert parsed["X-Alertd-Identifier"] == "20261123-0001"
    assert parsed["List-Unsubscribe"] == "<https://alertd.example.jp/stop/k-1>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed.defects == []


def test_a_person_who_cannot_leave_gets_no_unsubscribe() -> None:
    target = Target(key="k", attempt=1, address="a@example.jp", answer_url="")
    assert b"List-Unsubscribe" not in mail(message(), target)


def test_every_attempt_is_byte_for_byte_the_same_mail() -> None:
    again = Target(key="k-1", attempt=2, address=TARGET.address, answer_url="x", stop_url=TARGET.stop_url)
    assert mail(message()) == mail(message(), again)
    assert b"Message-ID: <k-1@city.example.jp>\r\n" in mail(message())


def test_an_update_belongs_to_the_thread_of_its_alert() -> None:
    first = BytesParser().parsebytes(mail(message()))
    earlier = Reference("alert@city.example.jp", "20261123-0001", SENT)
    update = message(identifier="20261123-0002", kind=MsgType.UPDATE, references=(earlier,))
    second = BytesParser().parsebytes(mail(update))
    assert second["In-Reply-To"] == first["References"]
    assert second["References"] == first["References"]
    assert second["X-Alertd-References"] == "20261123-0001"
    assert "In-Reply-To" not in first


def test_only_a_real_alert_is_important() -> None:
    assert b"\r\nImportance: high\r\n" in mail(message(status=Status.ACTUAL))
    assert b"Importance" not in mail(message(status=Status.EXERCISE))


def test_lone_line_feeds_become_the_line_ends_of_mail() -> None:
    parsed = BytesParser().parsebytes(mail(message(text="一\n二\r\n三")))
    body = parsed.get_payload(decode=True)
    assert isinstance(body, bytes) and body.decode().partition("--\r\n")[0].rstrip() == "一\r\n二\r\n三"
    assert body.count(b"\n") == body.count(b"\r\n")


@pytest.mark.parametrize("length", range(1, 60))
def test_the_text_fills_its_last_line_so_that_a_footer_can_follow(length: int) -> None:
    template = MailTemplate.of(message(text="a" * length), settings())
    last = template.common.removesuffix(b"\r\n").rpartition(b"\r\n")[2]
    assert len(last) == 76 and b"=" not in last


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("ja", "配信の停止"),
        ("ja-easy", "やめたいとき"),
        ("en", "Stop these mails"),
        ("vi", "Stop these mails"),
    ],
)
def test_the_footer_has_the_persons_links_in_the_mails_language(language: str, words: str) -> None:
    target = TARGET._replace(change_url="https://alertd.example.jp/change/k-1")
    sent = MailTemplate.of(message(language=language), settings()).for_target(target, target.address)
    body = BytesParser(policy=default_policy).parsebytes(sent).get_content()
    assert body.startswith("これは訓練です。")
    assert f"{words}: https://alertd.example.jp/stop/k-1\n" in body.replace("\r\n", "\n")
    assert "https://alertd.example.jp/change/k-1" in body


def test_who_cannot_leave_has_no_footer() -> None:
    target = TARGET._replace(stop_url=None)
    sent = MailTemplate.of(message(), settings()).for_target(target, target.address)
    body = BytesParser(policy=default_policy).parsebytes(sent).get_content()
    assert "--" not in body and body.startswith("これは訓練です。")


def test_the_bounce_of_a_mail_goes_to_an_address_that_names_it() -> None:
    verp = settings(return_path="bounce+{key}@city.example.jp")
    assert verp.envelope_sender("12-Ab_-") == "bounce+12-Ab_-@city.example.jp"
    assert settings().envelope_sender("12-Ab_-") == "alert@city.example.jp"
    with pytest.raises(ValueError, match="return_path"):
        settings(return_path="bounce+{nonsense}@@city.example.jp")


def test_half_a_character_in_the_text_is_refused_by_name() -> None:
    with pytest.raises(WrongInput, match="text"):
        mail(message(text="避難\ud800"))


def test_the_thread_names_of_many_references_are_folded() -> None:
    earlier = tuple(Reference("a@city.example.jp", f"20261123-{n:04}", SENT) for n in range(40))
    written = mail(message(kind=MsgType.UPDATE, references=earlier))
    assert max(len(line) for line in written.partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 90
    assert len(BytesParser().parsebytes(written)["References"].split()) == 40
