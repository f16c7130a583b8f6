"""The public pages: callbacks, sounds, leaving the list, feeds; no cookie, and nobody is named."""

from __future__ import annotations

import re

import pytest
from httpx import Client
from lxml import etree
from sqlalchemy import select

from alertd import audit, cap
from alertd.alert import Status
from alertd.channel import Callback
from alertd.db import reading
from alertd.messages import STOP, target
from alertd.tables import AuditRow, ContactRow, DeliveryRow
from alertd.testing import FakeFarEnd
from alertd.testing.fake import _SIGNATURE, _signature
from alertd.token import seal
from tests.console.desk import Desk, approve, check, form_of, submit

_ATOM = {"a": "http://www.w3.org/2005/Atom"}


def _sent(desk: Desk, writer: Client, approver: Client, status: Status = Status.ACTUAL) -> int:
    number = submit(writer, form_of(writer, status))
    approve(approver, number, "避難指示 嵐南地区" if status is Status.ACTUAL else "訓練")
    desk.send(number)
    return number


def _contact(desk: Desk) -> tuple[int, str]:
    with reading(desk.site.engine) as session:
        contact = session.scalars(select(ContactRow).where(ContactRow.kind == "email")).first()
    assert contact is not None
    return contact.id, contact.address


def _signed(desk: Desk, far_end: FakeFarEnd, url: str, body: bytes) -> dict[str, str]:
    unsigned = Callback(
        url=url,
        method="POST",
        headers={},
        body=body,
        query={},
        target=None,
        message=None,
        closed=False,
    )
    return {_SIGNATURE: _signature(far_end.secrets[0], unsigned)}


def test_a_genuine_callback_is_heard_and_a_forged_one_is_not(desk: Desk, writer: Client, approver: Client):
    number = _sent(desk, writer, approver)
    with reading(desk.site.engine) as session:
        row = session.scalars(
            select(DeliveryRow).where(DeliveryRow.dispatch_id == number, DeliveryRow.channel == "phone")
        ).first()
    assert row is not None
    public = target(desk.site, "phone", row.id, 1, "x", row.contact_id).answer_url
    here = public.replace(desk.site.config.public_url, "")
    body = b'{"outcome": "acknowledged", "answer": "understood"}'
    assert desk.public.post(here, content=body).status_code == 403
    assert desk.public.post(here, content=body, headers={"X-Fake-Signature": "x"}).status_code == 403
    genuine = desk.public.post(here, content=body, headers=_signed(desk, desk.far_end, public, body))
    assert genuine.status_code == 200
    assert desk.report(number).channels["phone"].answers == {"understood": 1}


def test_a_callback_for_no_channel_is_not_found(desk: Desk):
    assert desk.public.post("/callbacks/nothing").status_code == 404
    assert desk.public.put("/callbacks/mail").status_code == 405


def test_opening_the_link_changes_nothing_and_the_button_leaves_the_list(desk: Desk):
    number, address = _contact(desk)
    link = f"/stop/{seal(desk.site.secret, STOP, number)}"
    page = desk.public.get(link)
    assert page.status_code == 200 and address not in page.text

    def active() -> bool:
        with reading(desk.site.engine) as session:
            return session.get_one(ContactRow, number).active

    assert active(), "mail scanners open every link"
    for _ in range(2):
        answer = desk.public.post(link)
        assert answer.status_code == 200 and address not in answer.text
        assert not active()
    with reading(desk.site.engine) as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.action == "contact.left")).all()
        assert audit.verify(session) is None
    assert len(rows) == 1 and address not in str(rows[0].detail)


def test_one_click_of_a_mail_program_leaves_the_list(desk: Desk):
    number, _ = _contact(desk)
    answer = desk.public.post(
        f"/stop/{seal(desk.site.secret, STOP, number)}", data={"List-Unsubscribe": "One-Click"}
    )
    assert answer.status_code == 200 and "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["1-AAAAAAAAAAAAAAAA", "1", "x", "99999999999999999999-AAAAAAAAAAAAAAAA"])
def test_a_made_up_link_leaves_nothing(desk: Desk, token: str):
    assert desk.public.get(f"/stop/{token}").status_code == 404
    assert desk.public.post(f"/stop/{token}").status_code == 404


def test_a_token_for_something_else_leaves_nothing(desk: Desk):
    number, _ = _contact(desk)
    assert desk.public.post(f"/stop/{seal(desk.site.secret, 'delivery', number)}").status_code == 404


def test_a_sound_is_public_by_its_digest_alone(desk: Desk, writer: Client):
    page = check(writer, {**form_of(writer), "sounds": "yes"}).text
    digest = re.findall(r"/audio/([0-9a-f]{64})", page)[0]
    sound = desk.public.get(f"/audio/{digest}.wav")
    assert sound.headers["content-type"] == "audio/wav" and sound.content[:4] == b"RIFF"
    head = desk.public.head(f"/audio/{digest}.wav")
    assert head.status_code == 200 and head.headers["content-length"] == str(len(sound.content))
    assert "immutable" in sound.headers["cache-control"]
    (desk.site.config.storage / "audio" / "kept.wav").write_bytes(sound.content)
    for name in ("kept", "0" * 64, "..%2f..%2fsecret", digest[:-1], digest.upper()):
        assert desk.public.get(f"/audio/{name}.wav").status_code == 404


def test_the_feed_has_what_went_out_and_nothing_else(desk: Desk, writer: Client, approver: Client):
    submit(writer, form_of(writer))
    assert desk.public.get("/cap/feed.atom").content.count(b"<entry>") == 0, "not before it went out"
    number = _sent(desk, writer, approver)
    identifier = desk.report(number).identifier
    feed = etree.fromstring(desk.public.get("/cap/feed.atom").content)
    entries = feed.xpath("a:entry/a:link/@href", namespaces=_ATOM)
    assert [link.rpartition("/")[2] for link in entries] == [f"{identifier}.xml"]
    document = desk.public.get(f"/cap/{identifier}.xml")
    assert document.headers["content-type"].startswith("application/cap+xml")
    assert cap.parse(document.content).identifier == identifier


def test_a_drill_in_the_feed_says_so(desk: Desk, writer: Client, approver: Client):
    _sent(desk, writer, approver, Status.EXERCISE)
    assert "【訓練】" in desk.public.get("/cap/feed.atom").text


def test_health_is_the_databases(desk: Desk):
    answer = desk.public.get("/healthz")
    assert answer.status_code == 200 and answer.json() == {"status": "ok"}


def test_no_public_page_sets_a_cookie(desk: Desk):
    for path in ("/", "/healthz", "/cap/feed.atom", "/stop/x", "/static/console.css", "/nothing"):
        assert "set-cookie" not in desk.public.get(path).headers


def test_the_console_is_not_among_the_public_pages(desk: Desk):
    for path in ("/sign-in", "/alerts/new", "/alerts/1"):
        assert desk.public.get(path).status_code == 404
