"""Which callbacks are believed, and what each proves by itself."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from alertd.channel import Answer, Callback, Outcome, Reason, Target
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN
from alertd.errors import ForgedCallback
from channels.voice import VoiceChannel
from channels.voice_settings import VoiceSettings
from tests.answering_desk import CALLER_ID, MESSAGE

URL = "https://alert.example.jp/callbacks/phone?key=k1&attempt=1&step={step}"
TARGET = Target(key="k1", attempt=1, address="+81256000401", answer_url=URL.partition("&step")[0])


def channel(**changes):
    values = {"account_sid": ACCOUNT_SID, "auth_token": SecretStr(AUTH_TOKEN), "caller_id": CALLER_ID}
    return VoiceChannel("phone", VoiceSettings.model_validate({"kind": "voice"} | values | changes))


def callback(step="status", *, secret=AUTH_TOKEN, algorithm=None, url=URL, fields=None, **form):
    fields = {"AccountSid": ACCOUNT_SID, "CallSid": "CA" + "1" * 32} | (fields or {}) | form
    url = url.format(step=step)
    headers = {"x-twilio-signature": RequestValidator(secret).compute_signature(url, fields, algorithm)}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return Callback(
        url=url,
        method="POST",
        headers=headers,
        body=urlencode(fields).encode(),
        query=dict(part.split("=") for part in url.partition("?")[2].split("&")),
        target=TARGET,
        message=MESSAGE,
        closed=False,
    )


def receipt(of):
    (one,) = channel().receive(of).receipts
    return one


def test_a_signed_callback_is_believed():
    assert receipt(callback(CallStatus="ringing")).outcome is Outcome.ACCEPTED


def test_a_callback_signed_by_a_shared_key_is_believed():
    signed = callback(secret="shared", algorithm="HMAC_SHA256", CallStatus="ringing")
    assert channel(signing_secret=SecretStr("shared")).receive(signed).receipts
    with pytest.raises(ForgedCallback):
        channel().receive(signed)


@pytest.mark.parametrize(
    "forgery",
    [
        lambda good: replace(good, headers={}),
        lambda good: replace(good, headers={"X-Twilio-Signature": ""}),
        lambda good: replace(good, headers={"X-Twilio-Signature": "é" * 28}),
        lambda good: replace(good, url=good.url.replace("k1", "k2")),
        lambda good: replace(good, url=good.url.replace("alert.", "evil.")),
        lambda good: replace(good, body=good.body.replace(b"busy", b"completed")),
        lambda good: replace(good, body=good.body + b"&Digits=1"),
        lambda good: replace(good, body=good.body + b"&CallStatus=completed"),
        lambda good: replace(good, body=b"CallStatus=completed&" + good.body),
        lambda good: replace(good, body=b""),
        lambda good: replace(
            good, headers=good.headers | {"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"}
        ),
        lambda good: callback(secret="another", CallStatus="busy"),
        lambda good: callback(AccountSid="AC" + "2" * 32, CallStatus="busy"),
    ],
)
def test_a_forged_callback_is_refused(forgery):
    with pytest.raises(ForgedCallback):
        channel().receive(forgery(callback(CallStatus="busy")))


@pytest.mark.parametrize(
    ("form", "outcome", "reason"),
    [
        ({"CallStatus": "initiated"}, Outcome.ACCEPTED, None),
        ({"CallStatus": "in-progress"}, Outcome.ACCEPTED, None),
        ({"CallStatus": "busy"}, Outcome.DEFERRED, Reason.BUSY),
        ({"CallStatus": "no-answer"}, Outcome.DEFERRED, Reason.NO_ANSWER),
        ({"CallStatus": "canceled"}, Outcome.DEFERRED, Reason.OTHER),
        ({"CallStatus": "completed", "CallDuration": "170"}, Outcome.DEFERRED, Reason.HUNG_UP),
        ({"CallStatus": "completed", "AnsweredBy": "fax"}, Outcome.DEFERRED, Reason.MACHINE),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep"}, Outcome.DEFERRED, Reason.MACHINE),
        ({"CallStatus": "completed", "AnsweredBy": "unknown"}, Outcome.DEFERRED, Reason.HUNG_UP),
        ({"CallStatus": "failed", "SipResponseCode": "404"}, Outcome.FAILED, Reason.BAD_ADDRESS),
        ({"CallStatus": "failed", "ErrorCode": "13224"}, Outcome.FAILED, Reason.BAD_ADDRESS),
        ({"CallStatus": "failed", "SipResponseCode": "603"}, Outcome.DEFERRED, Reason.REFUSED),
        ({"CallStatus": "failed", "SipResponseCode": "503"}, Outcome.DEFERRED, Reason.UNREACHABLE),
        ({"CallStatus": "failed"}, Outcome.DEFERRED, Reason.UNREACHABLE),
    ],
)
def test_a_report_says_what_it_proves_and_no_more(form, outcome, reason):
    one = receipt(callback(fields=form))
    assert (one.key, one.outcome, one.reason, one.ref) == ("k1", outcome, reason, "CA" + "1" * 32)


def test_a_state_that_nobody_knows_says_nothing():
    assert channel().receive(callback(CallStatus="pondering")).receipts == ()


def test_a_key_and_the_menu_prove_more_than_a_report():
    key = receipt(callback("key", Digits="1"))
    assert (key.outcome, key.answer) == (Outcome.ACKNOWLEDGED, Answer.UNDERSTOOD)
    assert receipt(callback("menu")).outcome is Outcome.DELIVERED
    assert receipt(callback("end")).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("digit", ["0", "2", "#", ""])
def test_a_key_that_is_no_answer_proves_nothing(digit):
    assert channel().receive(callback("key", Digits=digit)).receipts == ()


def test_a_fax_is_hung_up_on():
    reply = channel().receive(callback("answer", AnsweredBy="fax"))
    assert b"<Hangup" in reply.body
    assert b"<Say" not in reply.body
    assert reply.receipts[0].reason is Reason.MACHINE


def test_a_call_that_names_no_delivery_hangs_up_and_says_nothing():
    for step in ("answer", "say", "menu", "key", "end", "nonsense"):
        reply = channel().receive(replace(callback(step), target=None, message=None))
        assert b"<Hangup" in reply.body
        assert b"<Say" not in reply.body
        assert reply.receipts == ()
    assert channel().receive(replace(callback(CallStatus="busy"), target=None)).receipts == ()


def test_the_same_callback_twice_says_the_same():
    one = channel()
    again = callback("key", Digits="1")
    assert one.receive(again) == one.receive(again)
