"""Several relays, lanes for some domains, and one mail to many: who gets how much, and what is said of it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Message, Outcome, Reason, Receipt, Target
from alertd.clock import stopwatch
from alertd.demo.smtp_fault import Fault, Stage
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from alertd.outbox import Parcel
from channels.email import EmailChannel
from channels.email_lanes import Lane
from channels.email_settings import EmailSettings, LaneSettings, Relay
from tests.servers import program, program_environment

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


class Box:
    """An outbox in memory: everything is there from the beginning, what is postponed is kept apart."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.ready = deque(
            Parcel(MESSAGE, Target(key=f"k{slot}", attempt=1, address=address, answer_url=""), slot)
            for slot, address in enumerate(addresses)
        )
        self.begun: set[int] = set()
        self.receipts: dict[str, Receipt] = {}
        self.postponed: list[tuple[str, float]] = []
        self.open = False

    @property
    def waiting(self) -> int:
        return len(self.ready)

    def take(self) -> Parcel | None:
        return self.ready.popleft() if self.ready else None

    def put_back(self, parcel: Parcel) -> None:
        assert parcel.slot not in self.begun, "its dot may have left"
        self.ready.appendleft(parcel)

    def postpone(self, parcel: Parcel, seconds: float) -> None:
        self.postponed.append((parcel.target.address, seconds))

    def begin(self, parcel: Parcel) -> bool:
        assert parcel.slot not in self.begun, "handed over twice"
        self.begun.add(parcel.slot)
        return True

    def end(self, parcel: Parcel, receipt: Receipt) -> None:
        assert parcel.target.key not in self.receipts, "said twice"
        self.receipts[parcel.target.key] = receipt

    def listen(self, wake: Callable[[], None]) -> None:
        wake()

    @property
    def outcomes(self) -> Counter[tuple[Outcome, Reason | None]]:
        """How many receipts say what."""
        return Counter((receipt.outcome, receipt.reason) for receipt in self.receipts.values())


ACCEPTED = (Outcome.ACCEPTED, None)
IN_DOUBT = (Outcome.UNKNOWN, Reason.IN_DOUBT)


@pytest.fixture
def channel_to() -> Iterator[Callable[..., EmailChannel]]:
    """Opens channels with settings of one's own."""
    opened: list[EmailChannel] = []

    def open_one(**changes: object) -> EmailChannel:
        table = {"kind": "email", "sender": "alert@city.example.jp", "connect_timeout": 3, **changes}
        opened.append(EmailChannel("mail", EmailSettings.model_validate(table)))
        return opened[-1]

    yield open_one
    for channel in opened:
        channel.close()


@pytest.fixture
def servers() -> Iterator[Callable[..., SimulatedSmtpServer]]:
    """Starts simulated servers."""
    started: list[SimulatedSmtpServer] = []

    def start(*faults: Fault, **options: object) -> SimulatedSmtpServer:
        started.append(SimulatedSmtpServer(faults=faults, **options).start())  # type: ignore[arg-type]
        return started[-1]

    yield start
    for server in started:
        server.close()


def people(number: int, domain: str = "example.jp") -> list[str]:
    return [f"p{n}@{domain}" for n in range(number)]


def relays(*servers: SimulatedSmtpServer) -> list[str]:
    return [f"127.0.0.1:{server.port}" for server in servers]


Opens = Callable[..., EmailChannel]
Starts = Callable[..., SimulatedSmtpServer]


# several relays -------------------------------------------------------------------------


def test_relays_are_read_with_and_without_port() -> None:
    table = {
        "kind": "email",
        "sender": "a@example.jp",
        "relays": ["a.example.jp", "b.example.jp:587", "[::1]:26"],
    }
    settings = EmailSettings.model_validate(table)
    assert settings.addresses == (Relay("a.example.jp", 25), Relay("b.example.jp", 587), Relay("::1", 26))
    for wrong in ([":25"], ["a:0"], ["a:smtp"]):
        with pytest.raises(ValueError, match="HOST"):
            EmailSettings.model_validate({**table, "relays": wrong})
    with pytest.raises(ValueError, match="either host or relays"):
        EmailSettings.model_validate({**table, "host": "c.example.jp"})
    with pytest.raises(ValueError, match="in clear"):
        EmailSettings.model_validate({**table, "username": "u", "password": "p"})


def test_the_work_goes_on_when_a_relay_is_down(servers: Starts, channel_to: Opens) -> None:
    up, down = servers(), servers()
    down.stop()
    box = Box(people(60))
    channel_to(relays=relays(down, up), sessions=4).stream(box)
    assert box.outcomes == {ACCEPTED: 60} and len(up.mails) == 60


def test_a_relay_that_breaks_off_costs_nobody_a_mail(servers: Starts, channel_to: Opens) -> None:
    good, bad = servers(), servers(Fault(stage=Stage.MAIL, drop=True))
    box = Box(people(100))
    channel_to(relays=relays(bad, good), sessions=4).stream(box)
    told = box.outcomes
    assert told[ACCEPTED] + told[Outcome.DEFERRED, Reason.UNREACHABLE] == 100
    # at most what was on the lines of the bad one comes again later
    assert told[ACCEPTED] >= 60 and not bad.mails


def test_all_relays_down_is_an_outage_and_nothing_is_said(servers: Starts, channel_to: Opens) -> None:
    one, two = servers(), servers()
    channel = channel_to(relays=relays(one, two))
    one.stop()
    two.stop()
    box = Box(people(5))
    with pytest.raises(ChannelUnavailable):
        channel.stream(box)
    assert not box.receipts and box.waiting == 5
    two.start()
    channel.stream(box)
    assert box.outcomes == {ACCEPTED: 5}


def test_one_tar_pit_of_four_relays_gets_next_to_nothing(servers: Starts, channel_to: Opens) -> None:
    pit = servers(Fault(stage=Stage.DOT, delay=3.0))
    quick = [servers() for _ in range(3)]
    box = Box(people(3000))
    channel = channel_to(relays=relays(pit, *quick), sessions=8)
    began = stopwatch()
    done_at: list[float] = []
    end = box.end

    def note(parcel: Parcel, receipt: Receipt) -> None:
        end(parcel, receipt)
        done_at.append(stopwatch() - began)

    box.end = note  # type: ignore[method-assign]
    channel.stream(box)
    assert box.outcomes == {ACCEPTED: 3000}
    assert len(pit.mails) <= 8, "a line that is held up is replaced, and goes elsewhere afterwards"
    assert len([at for at in done_at if at < done_at[-1] - 0.5]) >= 2990 or done_at[-1] < 4


def test_a_relay_that_never_greets_is_replaced_at_once(servers: Starts, channel_to: Opens) -> None:
    quick = servers(Fault(stage=Stage.DOT, delay=0.02))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_one = f"127.0.0.1:{silent.getsockname()[1]}"
        channel = channel_to(relays=[silent_one, *relays(quick)], sessions=4)
        box = Box(people(300))
        began = stopwatch()
        channel.stream(box)
    took = stopwatch() - began
    assert box.outcomes == {ACCEPTED: 300}
    # two lines alone would take 3 seconds, and without a word of the other relay 3 more
    assert took < 2.6, took


# lanes ----------------------------------------------------------------------------------


def test_a_lane_lets_so_many_through_and_gives_the_others_their_turn() -> None:
    lane = Lane(LaneSettings(domains=("docomo.ne.jp",), sessions=2, per_second=1000))
    assert [lane.enter(slot) > 0 for slot in (1,)] == [False]
    time.sleep(0.002)
    assert lane.enter(2) == 0
    time.sleep(0.002)
    assert lane.enter(3) > 0, "two are under way"
    lane.leave(1)
    assert lane.enter(4) == 0


def test_the_turns_of_a_lane_are_as_far_apart_as_its_pace() -> None:
    lane = Lane(LaneSettings(domains=("docomo.ne.jp",), sessions=100, per_second=2))
    waits = [lane.enter(slot) for slot in range(11)]
    assert waits[0] == 0
    steps = [later - sooner for sooner, later in pairwise(waits[1:])]
    assert all(0.45 < step < 0.55 for step in steps), waits


def test_a_carrier_with_a_lane_holds_nobody_else_up(servers: Starts, channel_to: Opens) -> None:
    server = servers()
    lanes = {"docomo": {"domains": ["DoCoMo.ne.jp"], "sessions": 1, "per_second": 2}}
    box = Box(people(40, "docomo.ne.jp") + people(40))
    channel_to(host="127.0.0.1", port=server.port, sessions=4, lanes=lanes).stream(box)
    heard = Counter(mail.recipient.partition("@")[2] for mail in server.mails)
    assert heard == {"docomo.ne.jp": 1, "example.jp": 40}
    assert len(box.postponed) == 39
    assert max(seconds for _, seconds in box.postponed) == pytest.approx(20, abs=1.5)


# one mail to many -----------------------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_of_one_mail_to_many_each_is_told_by_its_own_reply(
    servers: Starts, channel_to: Opens, pipelining: bool
) -> None:
    server = servers(
        Fault(stage=Stage.RCPT, recipient="p3@example.jp", reply="550 5.1.1 No such user"),
        Fault(stage=Stage.RCPT, recipient="p7@example.jp", reply="452 4.2.2 Mailbox full"),
        pipelining=pipelining,
    )
    box = Box(people(25))
    channel_to(host="127.0.0.1", port=server.port, sessions=1, recipients_per_mail=10).stream(box)
    assert box.outcomes == {
        ACCEPTED: 23,
        (Outcome.FAILED, Reason.BAD_ADDRESS): 1,
        (Outcome.DEFERRED, Reason.OTHER): 1,
    }
    assert box.receipts["k3"].outcome is Outcome.FAILED and box.receipts["k7"].outcome is Outcome.DEFERRED
    assert len({mail.queue_id for mail in server.mails}) == 3
    mail = server.mails[0].parsed()
    assert mail["To"] == "undisclosed-recipients:;" and mail["List-Unsubscribe"] is None


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_mail_to_many_that_nobody_may_have_is_not_sent(
    servers: Starts, channel_to: Opens, pipelining: bool
) -> None:
    server = servers(Fault(stage=Stage.RCPT, reply="550 5.1.1 No", times=3), pipelining=pipelining)
    box = Box(people(6))
    channel_to(host="127.0.0.1", port=server.port, sessions=1, recipients_per_mail=3).stream(box)
    assert box.outcomes == {(Outcome.FAILED, Reason.BAD_ADDRESS): 3, ACCEPTED: 3}
    assert len(server.mails) == 3


def test_in_doubt_of_one_mail_to_many_are_those_that_were_not_refused(
    servers: Starts, channel_to: Opens
) -> None:
    server = servers(
        Fault(stage=Stage.RCPT, recipient="p1@example.jp", reply="550 5.1.1 No"),
        Fault(stage=Stage.DOT, drop=True, times=1),
    )
    box = Box(people(4))
    channel_to(host="127.0.0.1", port=server.port, sessions=1, recipients_per_mail=4).stream(box)
    assert box.outcomes == {IN_DOUBT: 3, (Outcome.FAILED, Reason.BAD_ADDRESS): 1}


# replies in pieces ----------------------------------------------------------------------


@contextlib.contextmanager
def cut_up(server: SimulatedSmtpServer, size: int) -> Iterator[int]:
    """The port of a way to a server on which its words arrive in pieces of `size` bytes."""

    def carry(source: socket.socket, sink: socket.socket, most: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                for at in range(0, len(data), most):
                    sink.sendall(data[at : at + most])
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                onward = socket.create_connection(("127.0.0.1", server.port))
                open_ones.extend((client, onward))
                for one in (client, onward):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for pair in ((client, onward, 65536), (onward, client, size)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    open_ones: list[socket.socket] = []
    door = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield door.getsockname()[1]
    finally:
        door.shutdown(socket.SHUT_RDWR)
        for one in (door, *open_ones):
            one.close()


@pytest.mark.parametrize("size", [1, 17, 65536])
def test_replies_mean_the_same_however_they_are_cut(servers: Starts, channel_to: Opens, size: int) -> None:
    server = servers(
        Fault(stage=Stage.RCPT, recipient="p7@example.jp", reply="550 5.1.1 No"),
        Fault(stage=Stage.DOT, recipient="p12@example.jp", reply="451 4.3.0 Disk full"),
        Fault(stage=Stage.DATA, recipient="p19@example.jp", reply="554 5.7.1 No"),
    )
    box = Box(people(40))
    with cut_up(server, size) as port:
        channel = channel_to(host="127.0.0.1", port=port, sessions=2)
        channel.stream(box)
        channel.close()
    assert box.outcomes == {
        ACCEPTED: 37,
        (Outcome.FAILED, Reason.BAD_ADDRESS): 1,
        (Outcome.DEFERRED, Reason.OTHER): 1,
        (Outcome.FAILED, Reason.REFUSED): 1,
    }
    named = {mail.recipient: mail.queue_id for mail in server.mails}
    accepted = {key: receipt for key, receipt in box.receipts.items() if receipt.outcome is Outcome.ACCEPTED}
    assert {key: receipt.ref for key, receipt in accepted.items()} == {
        key: named[f"p{key[1:]}@example.jp"] for key in accepted
    }


# mixed faults, and Postfix's own ----------------------------------------------------------


@pytest.mark.parametrize("pipelining", [True, False])
def test_no_mail_is_said_to_be_what_it_is_not(servers: Starts, channel_to: Opens, pipelining: bool) -> None:
    faults = [
        Fault(stage=Stage.RCPT, recipient="p5@example.jp", reply="550 5.1.1 No"),
        Fault(stage=Stage.RCPT, recipient="p11@example.jp", drop=True),
        Fault(stage=Stage.DOT, recipient="p17@example.jp", drop=True),
        Fault(stage=Stage.DOT, recipient="p23@example.jp", reply="451 4.3.0 Disk full"),
        Fault(stage=Stage.DATA, recipient="p29@example.jp", reply="421 4.3.2 Closing"),
        Fault(stage=Stage.DOT, recipient="p35@example.jp", reply="421 4.3.2 Closing"),
        Fault(stage=Stage.DOT, recipient="p41@example.jp", silence=True),
        Fault(stage=Stage.RCPT, recipient="p47@example.jp", silence=True),
        Fault(stage=Stage.DATA, recipient="p53@example.jp", drop=True),
    ]
    server = servers(*faults, pipelining=pipelining)
    box = Box(people(300))
    settings = {"command_timeout": 0.4, "dot_timeout": 0.4, "sessions": 4}
    channel_to(host="127.0.0.1", port=server.port, **settings).stream(box)
    heard = Counter(mail.recipient for mail in server.mails)
    said = {f"p{key[1:]}@example.jp": receipt for key, receipt in box.receipts.items()}
    assert len(said) == 300
    for address, receipt in said.items():
        assert heard[address] <= 1
        if receipt.outcome is Outcome.ACCEPTED:
            assert heard[address] == 1
        elif receipt.outcome is not Outcome.UNKNOWN:
            assert heard[address] == 0, (address, receipt)
    odd = {
        address: receipt.outcome
        for address, receipt in said.items()
        if receipt.outcome is not Outcome.ACCEPTED
    }
    doubtful = {"p17@example.jp", "p41@example.jp"}
    assert {address for address, outcome in odd.items() if outcome is Outcome.UNKNOWN} == doubtful
    assert set(odd) == {f"p{number}@example.jp" for number in (5, 11, 17, 23, 29, 35, 41, 47, 53)}


#: smtp-sink's faults: its options → what must be said of every mail
SINK: dict[str, tuple[list[str], set[tuple[Outcome, Reason | None]]]] = {
    "soft-mail": (["-r", "MAIL"], {(Outcome.DEFERRED, Reason.OTHER)}),
    "soft-rcpt": (["-r", "RCPT"], {(Outcome.DEFERRED, Reason.OTHER)}),
    "soft-data": (["-r", "DATA"], {(Outcome.DEFERRED, Reason.OTHER)}),
    "soft-dot": (["-r", "."], {(Outcome.DEFERRED, Reason.OTHER)}),
    "hard-rcpt": (["-f", "RCPT"], {(Outcome.FAILED, Reason.REFUSED), (Outcome.FAILED, Reason.BAD_ADDRESS)}),
    "hard-data": (["-f", "DATA"], {(Outcome.FAILED, Reason.REFUSED)}),
    "hard-dot": (["-f", "."], {(Outcome.FAILED, Reason.REFUSED)}),
    "drop-mail": (["-q", "MAIL"], {(Outcome.DEFERRED, Reason.UNREACHABLE)}),
    "drop-rcpt": (["-q", "RCPT"], {(Outcome.DEFERRED, Reason.UNREACHABLE)}),
    "drop-data": (["-q", "DATA"], {(Outcome.DEFERRED, Reason.UNREACHABLE)}),
    "drop-dot": (["-q", "."], {IN_DOUBT}),
    "421-mail": (["-Q", "MAIL"], {(Outcome.DEFERRED, Reason.RATE_LIMITED)}),
    "421-rcpt": (["-Q", "RCPT"], {(Outcome.DEFERRED, Reason.RATE_LIMITED)}),
    "421-data": (["-Q", "DATA"], {(Outcome.DEFERRED, Reason.RATE_LIMITED)}),
    "421-dot": (["-Q", "."], {(Outcome.DEFERRED, Reason.RATE_LIMITED)}),
    "abort-after-data": (
        ["-A", "0"],
        {(Outcome.FAILED, Reason.REFUSED), (Outcome.DEFERRED, Reason.UNREACHABLE)},
    ),
    "delay-dot": (["-W", ".:1"], {ACCEPTED}),
    "too-slow": (["-W", ".:9"], {IN_DOUBT}),
    "no-extensions": (["-8", "-N", "-e"], {ACCEPTED}),
    "no-pipelining": (["-p"], {ACCEPTED}),
    "nothing": ([], {ACCEPTED}),
}


@pytest.fixture
def sink() -> Iterator[Callable[[Sequence[str]], int]]:
    """Starts Postfix's smtp-sink with options; its port."""
    started: list[subprocess.Popen[bytes]] = []

    def start(options: Sequence[str]) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [str(program("smtp-sink")), *user, *options, f"127.0.0.1:{port}", "64"]
        quiet = subprocess.DEVNULL
        started.append(subprocess.Popen(command, env=program_environment(), stdout=quiet, stderr=quiet))
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            threading.Event().wait(0.05)
        raise AssertionError("smtp-sink did not start")

    yield start
    for process in started:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("fault", SINK)
def test_every_fault_of_smtp_sink_is_told_as_what_it_is(
    sink: Callable[[Sequence[str]], int], channel_to: Opens, fault: str
) -> None:
    options, wanted = SINK[fault]
    box = Box(people(6))
    settings = {"command_timeout": 1.5, "dot_timeout": 1.5, "sessions": 3}
    channel_to(host="127.0.0.1", port=sink(options), **settings).stream(box)
    assert len(box.receipts) == 6
    assert set(box.outcomes) <= wanted, box.receipts


def test_a_sender_that_smtp_sink_refuses_fails_nobody(
    sink: Callable[[Sequence[str]], int], channel_to: Opens
) -> None:
    box = Box(people(6))
    with pytest.raises(ChannelMisconfigured):
        channel_to(host="127.0.0.1", port=sink(["-f", "MAIL"]), sessions=2).stream(box)
    assert not box.receipts and box.waiting == 6
