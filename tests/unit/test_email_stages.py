"""How far a mail had come decides what is said of it."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import InDoubt, Message, Outcome, Reason, Receipt, Target
from alertd.clock import stopwatch
from alertd.demo.smtp_fault import Fault, Stage, read_fault
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from channels.email import EmailChannel
from channels.email_settings import EmailSettings
from channels.smtp_reply import queue_id

MESSAGE = Message(
    identifier="20261123-0001",
    kind=MsgType.ALERT,
    status=Status.EXERCISE,
    language="ja",
    headline="【訓練】避難指示",
    text="【訓練】これは訓練です。" * 50,
    sent=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
    expires=datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
)

Opens = Callable[..., tuple[SimulatedSmtpServer, EmailChannel]]


@pytest.fixture
def opened() -> Iterator[Opens]:
    """Opens a server with faults, and a channel to it with settings of one's own."""
    ends: list[Callable[[], None]] = []

    def open_both(
        *faults: Fault, server: dict[str, object] | None = None, **changes: object
    ) -> tuple[SimulatedSmtpServer, EmailChannel]:
        far_end = SimulatedSmtpServer(faults=faults, **(server or {})).start()  # type: ignore[arg-type]
        table: dict[str, object] = {
            "kind": "email",
            "host": "127.0.0.1",
            "port": far_end.port,
            "sender": "alert@city.example.jp",
            "command_timeout": 0.4,
            "dot_timeout": 0.4,
            "connect_timeout": 3,
        }
        channel = EmailChannel("mail", EmailSettings.model_validate({**table, **changes}))
        ends.extend((channel.close, far_end.close))
        return far_end, channel

    yield open_both
    for end in ends:
        end()


def targets(number: int, name: str = "aoi") -> list[Target]:
    return [
        Target(key=f"k{n}", attempt=1, address=f"{name}{n}@example.jp", answer_url="") for n in range(number)
    ]


def only(receipts: Iterator[Receipt]) -> Receipt:
    (receipt,) = receipts
    return receipt


BEFORE_THE_DOT = [
    stage for stage in Stage if stage not in (Stage.CONNECT, Stage.EHLO, Stage.AUTH, Stage.BODY, Stage.DOT)
]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("stage", BEFORE_THE_DOT)
def test_a_connection_lost_before_the_dot_is_tried_again(
    opened: Opens, stage: Stage, pipelining: bool
) -> None:
    far_end, channel = opened(Fault(stage=stage, drop=True), server={"pipelining": pipelining})
    receipt = only(channel.send(MESSAGE, targets(1)))
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.UNREACHABLE)
    assert far_end.mails == ()


def test_a_large_mail_cut_in_the_middle_is_tried_again(opened: Opens) -> None:
    far_end, channel = opened(Fault(stage=Stage.BODY, drop=True))
    long = Message(
        identifier="long",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="長い",
        text="避難" * 3_000_000,
        sent=MESSAGE.sent,
        expires=MESSAGE.expires,
    )
    receipt = only(channel.send(long, targets(1)))
    assert receipt.outcome is Outcome.DEFERRED
    assert far_end.mails == ()


@pytest.mark.parametrize("fault", [Fault(stage=Stage.DOT, drop=True), Fault(stage=Stage.DOT, silence=True)])
def test_a_reply_to_the_dot_that_never_comes_is_in_doubt(opened: Opens, fault: Fault) -> None:
    far_end, channel = opened(fault)
    receipt = only(channel.send(MESSAGE, targets(1)))
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert len(far_end.mails) == 1


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA])
def test_silence_before_the_dot_is_tried_again(opened: Opens, stage: Stage) -> None:
    _, channel = opened(Fault(stage=stage, silence=True))
    receipt = only(channel.send(MESSAGE, targets(1)))
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.TIMEOUT)


def test_a_slow_reply_to_the_dot_is_waited_for(opened: Opens) -> None:
    far_end, channel = opened(Fault(stage=Stage.DOT, delay=0.7), dot_timeout=5)
    assert only(channel.send(MESSAGE, targets(1))).outcome is Outcome.ACCEPTED
    assert len(far_end.mails) == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("stage", "reply", "outcome", "reason"),
    [
        ("rcpt", "550 5.1.1 No such user", Outcome.FAILED, Reason.BAD_ADDRESS),
        ("rcpt", "550 unknown here", Outcome.FAILED, Reason.BAD_ADDRESS),
        ("rcpt", "554 5.7.1 Not wanted", Outcome.FAILED, Reason.REFUSED),
        ("rcpt", "554 5.7.1 Relay access denied", Outcome.DEFERRED, Reason.REFUSED),
        ("rcpt", "450 4.2.0 Greylisted", Outcome.DEFERRED, Reason.OTHER),
        ("rcpt", "452 4.2.2 Mailbox full", Outcome.DEFERRED, Reason.OTHER),
        ("rcpt", "450 4.7.1 Too fast", Outcome.DEFERRED, Reason.RATE_LIMITED),
        ("rcpt", "421 4.3.2 Closing", Outcome.DEFERRED, Reason.RATE_LIMITED),
        ("mail", "451 4.3.0 Try again", Outcome.DEFERRED, Reason.OTHER),
        ("mail", "421 4.7.0 Too many", Outcome.DEFERRED, Reason.RATE_LIMITED),
        ("data", "451 4.3.0 Try again", Outcome.DEFERRED, Reason.OTHER),
        ("data", "554 5.3.0 No", Outcome.FAILED, Reason.REFUSED),
        ("dot", "451 4.3.0 Disk full", Outcome.DEFERRED, Reason.OTHER),
        ("dot", "554 5.7.1 Looks bad", Outcome.FAILED, Reason.REFUSED),
        ("dot", "552 5.3.4 Too large", Outcome.FAILED, Reason.REFUSED),
    ],
)
def test_the_reply_and_its_stage_decide(
    opened: Opens, stage: str, reply: str, outcome: Outcome, reason: Reason, pipelining: bool
) -> None:
    strikes_once = Fault(stage=Stage(stage), reply=reply, times=1)
    far_end, channel = opened(strikes_once, server={"pipelining": pipelining})
    receipt = only(channel.send(MESSAGE, targets(1)))
    assert (receipt.outcome, receipt.reason) == (outcome, reason)
    assert receipt.detail == reply
    assert far_end.mails == ()
    assert only(channel.send(MESSAGE, targets(1))).outcome is Outcome.ACCEPTED, "the next mail is not spoilt"


def test_a_refused_sender_needs_a_person_and_nobody_is_failed(opened: Opens) -> None:
    far_end, channel = opened(Fault(stage=Stage.MAIL, reply="553 5.7.1 Not your address"))
    with pytest.raises(ChannelMisconfigured, match="553"):
        list(channel.send(MESSAGE, targets(3)))
    assert far_end.mails == ()


def test_the_queue_id_is_kept(opened: Opens) -> None:
    far_end, channel = opened()
    receipt = only(channel.send(MESSAGE, targets(1)))
    assert receipt.ref == far_end.mails[0].queue_id


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("2.0.0 Ok: queued as 4Zq8Xw1Fz2", "4Zq8Xw1Fz2"),
        ("OK id=1tF3xK-0001Ab-2c", "1tF3xK-0001Ab-2c"),
        ("2.0.0 4AN1xSpK012345 Message accepted for delivery", "4AN1xSpK012345"),
        ("Ok", None),
    ],
)
def test_queue_ids_of_the_usual_servers_are_found(reply: str, wanted: str | None) -> None:
    assert queue_id(reply) == wanted


def test_connections_live_over_calls(opened: Opens) -> None:
    far_end, channel = opened(sessions=2)
    for _ in range(5):
        assert len(list(channel.send(MESSAGE, targets(10)))) == 10
    assert far_end.connections == 2
    assert len(far_end.mails) == 50


def test_a_connection_is_renewed_after_its_share_of_mails(opened: Opens) -> None:
    far_end, channel = opened(sessions=1, mails_per_session=4)
    assert {receipt.outcome for receipt in channel.send(MESSAGE, targets(10))} == {Outcome.ACCEPTED}
    assert far_end.connections == 3


def test_a_relay_that_takes_one_connection_only_still_gets_every_mail(opened: Opens) -> None:
    far_end, channel = opened(
        Fault(stage=Stage.CONNECT, delay=0.05, times=1),
        Fault(stage=Stage.CONNECT, reply="421 4.7.0 Too many connections"),
    )
    assert {receipt.outcome for receipt in channel.send(MESSAGE, targets(12))} == {Outcome.ACCEPTED}
    assert len(far_end.mails) == 12


def test_a_dropped_connection_costs_one_target_only(opened: Opens) -> None:
    far_end, channel = opened(Fault(stage=Stage.RCPT, drop=True, recipient="aoi3@example.jp"))
    outcomes = [receipt.outcome for receipt in channel.send(MESSAGE, targets(10))]
    assert sorted(outcomes) == [Outcome.ACCEPTED] * 9 + [Outcome.DEFERRED]
    assert len(far_end.mails) == 9


def test_a_greeting_that_never_comes_is_an_outage(opened: Opens) -> None:
    _, channel = opened(Fault(stage=Stage.CONNECT, silence=True), connect_timeout=0.3)
    with pytest.raises(ChannelUnavailable, match="in time"):
        list(channel.send(MESSAGE, targets(2)))


@pytest.mark.parametrize("reply", ["421 4.3.2 Down", "554 5.3.2 Never"])
def test_an_unwelcoming_greeting_is_an_outage(opened: Opens, reply: str) -> None:
    _, channel = opened(Fault(stage=Stage.CONNECT, reply=reply))
    with pytest.raises(ChannelUnavailable):
        list(channel.send(MESSAGE, targets(2)))


def test_a_sign_in_that_fails_for_now_is_an_outage(opened: Opens, tmp_path: Path) -> None:
    fault = Fault(stage=Stage.AUTH, reply="454 4.7.0 Temporary failure")
    _, channel = opened(fault, server={"users": {"u": "p"}}, username="u", password="p")
    with pytest.raises(ChannelUnavailable):
        list(channel.send(MESSAGE, targets(1)))


def test_a_relay_without_the_sign_in_that_is_set_needs_a_person(opened: Opens) -> None:
    _, channel = opened(username="u", password="p")
    with pytest.raises(ChannelMisconfigured):
        list(channel.send(MESSAGE, targets(1)))


def test_a_relay_that_demands_a_sign_in_needs_a_person(opened: Opens) -> None:
    _, channel = opened(server={"users": {"u": "p"}})
    with pytest.raises(ChannelMisconfigured, match="530"):
        list(channel.send(MESSAGE, targets(1)))


def test_an_unusable_address_fails_alone_and_unseen(opened: Opens) -> None:
    far_end, channel = opened()
    wrong = Target(key="wrong", attempt=1, address="a@example.jp>\r\nRCPT TO:<b@example.jp", answer_url="")
    outcomes = {receipt.key: receipt for receipt in channel.send(MESSAGE, [wrong, *targets(1)])}
    assert outcomes["wrong"].outcome is Outcome.FAILED
    assert outcomes["wrong"].reason is Reason.BAD_ADDRESS
    assert [mail.recipient for mail in far_end.mails] == ["aoi0@example.jp"]


def test_the_envelope_has_the_return_path(opened: Opens) -> None:
    far_end, channel = opened(return_path="bounces@city.example.jp")
    list(channel.send(MESSAGE, targets(1)))
    assert far_end.mails[0].sender == "bounces@city.example.jp"


def test_a_reader_that_stops_does_not_have_the_rest_sent(opened: Opens) -> None:
    far_end, channel = opened(Fault(stage=Stage.DOT, delay=0.05), sessions=1, dot_timeout=5)
    receipts = channel.send(MESSAGE, targets(25))
    next(receipts)
    receipts.close()  # type: ignore[attr-defined]
    assert only(channel.send(MESSAGE, targets(1, "haru"))).outcome is Outcome.ACCEPTED
    assert len(far_end.mails) <= 4


def test_closing_in_the_middle_does_not_wait_for_a_silent_relay(opened: Opens) -> None:
    silent = Fault(stage=Stage.DOT, silence=True, recipient="aoi1@example.jp")
    _, channel = opened(silent, dot_timeout=300, sessions=2)
    receipts = channel.send(MESSAGE, targets(2))
    assert next(iter(receipts)).outcome is Outcome.ACCEPTED
    receipts.close()  # type: ignore[attr-defined]
    began = stopwatch()
    channel.close()
    assert stopwatch() - began < 10


def test_the_channel_says_what_becomes_of_a_mail_in_doubt(opened: Opens) -> None:
    for policy in (InDoubt.RESEND, InDoubt.RESEND_ACTUAL, InDoubt.HOLD):
        _, channel = opened(in_doubt=policy)
        assert channel.traits.in_doubt is policy
    with pytest.raises(ValueError, match="cannot be asked"):
        opened(in_doubt=InDoubt.ASK)


def test_a_password_is_never_set_to_travel_in_clear() -> None:
    table = {
        "kind": "email",
        "host": "mail.example.jp",
        "sender": "a@example.jp",
        "username": "u",
        "password": "p",
    }
    with pytest.raises(ValueError, match="in clear"):
        EmailSettings.model_validate(table)
    assert EmailSettings.model_validate({**table, "tls": "starttls"}).username == "u"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 in one file, made for this run."""
    if which("openssl") is None:
        pytest.skip("openssl is not installed: TLS to the relay is not tested")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem "
        "-days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1".split(),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_goes_over_tls_with_a_trusted_certificate(opened: Opens, certificate: Path, tls: str) -> None:
    server: dict[str, object] = {
        "tls": serving(certificate),
        "implicit_tls": tls == "tls",
        "users": {"u": "p"},
    }
    far_end, channel = opened(
        server=server,
        tls=tls,
        ca_file=certificate / "cert.pem",
        username="u",
        password="p",
        command_timeout=5,
        dot_timeout=5,
    )
    assert {receipt.outcome for receipt in channel.send(MESSAGE, targets(6))} == {Outcome.ACCEPTED}
    assert len(far_end.mails) == 6


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_an_untrusted_certificate_needs_a_person(opened: Opens, certificate: Path, tls: str) -> None:
    server: dict[str, object] = {"tls": serving(certificate), "implicit_tls": tls == "tls"}
    far_end, channel = opened(server=server, tls=tls)
    with pytest.raises(ChannelMisconfigured, match="certificate"):
        list(channel.send(MESSAGE, targets(1)))
    assert far_end.mails == ()


def test_a_relay_without_starttls_gets_nothing_in_clear(opened: Opens) -> None:
    far_end, channel = opened(tls="starttls")
    with pytest.raises(ChannelMisconfigured, match="tls"):
        list(channel.send(MESSAGE, targets(1)))
    assert far_end.mails == ()


def test_faults_of_the_command_line_are_read() -> None:
    assert read_fault("dot=drop") == Fault(stage=Stage.DOT, drop=True)
    assert read_fault("mail=delay 1.5") == Fault(stage=Stage.MAIL, delay=1.5)
    assert read_fault("rcpt/a@example.jp=452 4.2.2 Full") == Fault(
        stage=Stage.RCPT, recipient="a@example.jp", reply="452 4.2.2 Full"
    )
