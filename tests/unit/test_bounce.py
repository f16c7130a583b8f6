"""What mail servers say of mails that did not arrive, and which mails may be answered."""

from __future__ import annotations

from email import message_from_string

import pytest

from alertd import bounce
from alertd.answerable import why_not
from alertd.channel import Reason

DSN = """\
From: MAILER-DAEMON@mx.example.jp
To: bounce+1-x@in.example.jp
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.jp
Arrival-Date: Mon, 23 Nov 2026 10:00:00 +0900

Final-Recipient: rfc822; hana@example.jp
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}

--b
Content-Type: text/rfc822-headers

Subject: x
--b--
"""

SENDMAIL = """\
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.jp>
To: bounce+1-x@in.example.jp
Subject: Returned mail: User unknown

The original message was received at Mon, 23 Nov 2026 10:00:00 +0900

   ----- The following addresses had permanent fatal errors -----
<hana@example.jp>

   ----- Transcript of session follows -----
550 <hana@example.jp>... User unknown
"""


def dsn(action: str, status: str, words: str = "") -> bounce.Bounce | None:
    return bounce.read(message_from_string(DSN.format(action=action, status=status, words=words)))


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        ("5.1.1", "550 5.1.1 <hana@example.jp>: user unknown", Reason.BAD_ADDRESS),
        ("5.1.10", "", Reason.BAD_ADDRESS),
        ("5.2.1", "550 mailbox disabled", Reason.BAD_ADDRESS),
        ("5.0.0", "550 Unknown user hana@example.jp", Reason.BAD_ADDRESS),
        ("5.0.0", "550 Requested action not taken", Reason.REFUSED),
        ("5.2.2", "552 mailbox full", Reason.REFUSED),
        ("5.7.1", "550 blocked", Reason.REFUSED),
        ("5.7.26", "unauthenticated", Reason.REFUSED),
        ("4.4.1", "connection timed out", Reason.UNREACHABLE),
        ("4.2.2", "mailbox full", Reason.UNREACHABLE),
    ],
)
def test_a_notification_is_hard_only_when_nobody_is_there(status: str, words: str, reason: Reason) -> None:
    found = dsn("failed", status, words)
    assert found is not None
    assert found.reason is reason and found.hard is (reason is Reason.BAD_ADDRESS)
    assert "hana" not in found.detail


def test_a_delay_is_no_failure() -> None:
    found = dsn("delayed", "4.4.1")
    assert found is not None and found.reason is None


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_good_news_is_no_bounce(action: str) -> None:
    assert dsn(action, "2.0.0") is None


def test_old_bounces_are_read_too() -> None:
    found = bounce.read(message_from_string(SENDMAIL))
    assert found is not None and found.hard


def test_a_persons_mail_is_no_bounce() -> None:
    assert bounce.read(message_from_string("From: a@example.jp\nSubject: hello\n\nuser unknown\n")) is None


OURS = ("mx.city.example.jp",)
PASSES = "Authentication-Results: mx.city.example.jp; "


def asked(
    headers: str = "", *, sender: str = "hana@example.jp", author: str = "hana@example.jp"
) -> str | None:
    text = f"{headers}From: {author}\nTo: touroku@city.example.jp\n\n"
    return why_not(message_from_string(text), sender, OURS if "Authentication" in headers else ())


@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Auto-Submitted: no\n",
        PASSES + "dkim=pass header.d=example.jp\n",
        PASSES + "spf=pass smtp.mailfrom=hana@example.jp\n",
        PASSES + "spf=softfail smtp.mailfrom=example.jp;\n dkim=pass header.i=@mail.example.jp\n",
        PASSES + "dmarc=pass header.from=example.jp\n",
    ],
)
def test_a_persons_own_mail_is_answered(headers: str) -> None:
    assert asked(headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied (vacation)\n",
        "Precedence: bulk\n",
        "Precedence: list\n",
        "List-Id: <x.example.jp>\n",
        "List-Unsubscribe: <https://example.jp/>\n",
        "X-Auto-Response-Suppress: All\n",
        "Content-Type: multipart/report; boundary=x\n",
        PASSES + "spf=fail smtp.mailfrom=example.jp\n",
        PASSES + "dkim=pass header.d=attacker.example.com\n",
        PASSES + "dmarc=fail header.from=example.jp; spf=pass smtp.mailfrom=example.jp\n",
        "Authentication-Results: mx.attacker.example.com; dmarc=pass header.from=example.jp\n",
        PASSES + "none\n" + PASSES + "dmarc=pass header.from=example.jp\n",
        "From: second@example.jp\n",
    ],
)
def test_machines_lists_and_forgers_are_not_answered(headers: str) -> None:
    assert asked(headers) is not None


@pytest.mark.parametrize(
    "who", ["MAILER-DAEMON", "noreply", "no-reply-42", "postmaster", "owner-x", "bounce+1"]
)
def test_machines_are_known_by_their_names(who: str) -> None:
    assert asked(sender=f"{who}@example.jp", author=f"{who}@example.jp") is not None


def test_a_bounce_and_somebody_elses_name_are_not_answered() -> None:
    assert asked(sender="") is not None
    assert asked(author="victim@example.jp") is not None
