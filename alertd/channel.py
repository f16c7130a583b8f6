"""The Channel port: one way of reaching people, and the values that cross it.

Channels are found by the entry-point group `alertd.channels`: each names a class that
is called as `Class(name, settings)` with `settings` an instance of `Class.Settings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, field_validator

from alertd.alert import MsgType, Reference, Severity, Status
from alertd.errors import ChannelMisconfigured
from alertd.speech import NO_SIGNALS, AudioFormat, Signals, Sound


class Outcome(StrEnum):
    """What became of a delivery."""

    #: the far end has taken it over; more may be heard of it
    ACCEPTED = "accepted"
    #: cut short, or in doubt and nobody can tell; a person decides
    UNKNOWN = "unknown"
    #: not this time; to be tried again
    DEFERRED = "deferred"
    #: it will never arrive this way
    FAILED = "failed"
    #: its time ran out before it could be handed over (said by the engine)
    EXPIRED = "expired"
    #: stopped by an operator before it was handed over (said by the engine)
    CANCELLED = "cancelled"
    #: proven to have arrived: listened to the end, aired to the end
    DELIVERED = "delivered"
    #: a person answered
    ACKNOWLEDGED = "acknowledged"


class Reason(StrEnum):
    """Why an attempt did not arrive, or how far it has come; a closed set, so that it can be counted."""

    #: the line was engaged
    BUSY = "busy"
    #: it rang and nobody answered
    NO_ANSWER = "no_answer"
    #: an answering machine or fax answered
    MACHINE = "machine"
    #: somebody answered and hung up before the end
    HUNG_UP = "hung_up"
    #: there is nothing at this address
    BAD_ADDRESS = "bad_address"
    #: the far end does not want it
    REFUSED = "refused"
    #: too fast for the far end
    RATE_LIMITED = "rate_limited"
    #: no reply in time
    TIMEOUT = "timeout"
    #: no way to the far end
    UNREACHABLE = "unreachable"
    #: the sender died after the hand-over had begun and before it was recorded
    IN_DOUBT = "in_doubt"
    #: anything else; `detail` says what
    OTHER = "other"
    #: it is night and it is not urgent: waits for the morning (said by the engine)
    QUIET_HOURS = "quiet_hours"
    #: taken off the air for something more urgent, and aired again afterwards (said by the engine)
    PREEMPTED = "preempted"
    #: with `accepted`: a person has set out with it
    UNDER_WAY = "under_way"
    #: with `accepted`: handed over, and that it was heard was not confirmed in time; the last word
    UNCONFIRMED = "unconfirmed"


class Phase(StrEnum):
    """How far an airing is, as the transmitter's own far end shows it."""

    #: asked for, and not on the air yet
    REQUESTED = "requested"
    #: the transmitter is ours, and receivers are being switched on
    SIGNALLED = "signalled"
    #: proven to be on the air
    ON_AIR = "on_air"
    #: all of it was aired, and the transmitter is not given back yet
    ENDED = "ended"
    #: proven to be given back; the outcome says what was aired
    RELEASED = "released"
    #: taken off or cut off in the middle, and proven to be given back
    TRUNCATED = "truncated"

    @property
    def under_way(self) -> bool:
        """Whether more is to be heard of the airing."""
        return self not in (Phase.RELEASED, Phase.TRUNCATED)


class Answer(StrEnum):
    """What a person answered."""

    #: heard and understood
    UNDERSTOOD = "understood"
    #: stays upstairs or where it is safe
    STAYING = "staying"
    #: is on the way to safety
    EVACUATING = "evacuating"
    #: needs help
    HELP = "help"


class Medium(StrEnum):
    """The form in which a channel carries words."""

    #: written
    TEXT = "text"
    #: spoken on the telephone
    CALL = "call"
    #: spoken on the radio
    BROADCAST = "broadcast"
    #: spoken by loudspeakers outdoors
    OUTDOOR = "outdoor"


class InDoubt(StrEnum):
    """What to do with a delivery whose hand-over began and was never recorded."""

    #: hand it over once more under the same key
    RESEND = "resend"
    #: as `resend` for Actual; anything else is left `unknown`
    RESEND_ACTUAL = "resend_actual"
    #: ask the far end (`Asks`)
    ASK = "ask"
    #: leave it `unknown`: a person decides
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a channel may go, over all workers together."""

    #: hand-overs begun in a second
    per_second: float
    #: hand-overs whose outcome is not known yet; None = no limit
    in_flight: int | None = None
    #: the channel itself keeps `per_second`, which it can do more exactly: it sees the replies.
    #: Then one drain over all workers hands over, and the next one after a pause
    kept: bool = False


@dataclass(frozen=True, slots=True)
class ByHand:
    """A person carries it out, and ticks start and end at the desk."""

    #: after the hand-over: when somebody should have started
    start_within: timedelta
    #: after the start: when it should be done
    finish_within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the dispatcher must know of a channel."""

    #: words written or spoken
    medium: Medium = Medium.TEXT
    #: how many targets one hand-over takes, 1 to 25; also the bound of doubles after a crash
    batch_size: int = 25
    #: one hand-over at a time over all workers: a transmitter
    exclusive: bool = False
    #: silence of a transmitter between two airings
    gap: timedelta = timedelta(0)
    #: what is at least so severe takes what is less severe off the air; None = nothing does
    cuts_in: Severity | None = None
    #: the sound file to bring along; None = words only
    audio: AudioFormat | None = None
    #: what sounds besides the words
    signals: Signals = NO_SIGNALS
    #: how long after `accepted` the outcome should be known; then the far end is asked.
    #: None = `accepted` is the last word
    report_within: timedelta | None = None
    pace: Pace | None = None
    in_doubt: InDoubt = InDoubt.RESEND
    #: how many questions (`Asks`, `Recalls`) may be asked at a time
    questions: int = 1
    #: None = no person is needed
    by_hand: ByHand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What to say, in one language, the same for every target.

    `text` is complete: drill marks, repetition and sender are in it. `identifier` is
    the CAP identifier; `references` the earlier documents for Update and Cancel.
    """

    identifier: str
    kind: MsgType
    status: Status
    language: str
    headline: str
    text: str
    sent: datetime
    expires: datetime
    references: tuple[Reference, ...] = ()
    #: present when the channel's traits ask for it and a voice could make it
    audio: Sound | None = None
    #: the public URL of `audio`
    audio_url: str | None = None
    #: spoken media: the short version for an answering machine
    short_text: str | None = None
    #: what switches receivers off again, alone: for an airing that is cut short
    end_signal: Sound | None = None
    #: the CAP document, byte for byte as it was approved
    document: bytes = b""


class Target(NamedTuple):
    """Where to. `key` stays the same over all attempts and is handed to the far end.

    A tuple, to be made by keywords: thousands are made a second.
    """

    #: opaque, `[A-Za-z0-9_-]{1,64}`
    key: str
    #: 1 for the first hand-over
    attempt: int
    address: str
    #: the public URL at which the far end fetches and reports; carries key and attempt
    answer_url: str
    #: the public URL by which the person leaves the list; None = cannot leave
    stop_url: str | None = None
    #: the public URL by which the person changes what they receive; None = cannot
    change_url: str | None = None
    #: how often it was aired before and is meant to be aired once more
    repeat: int = 0

    @property
    def airing_key(self) -> str:
        """The key by which a transmitter tells this airing from every other one."""
        return f"{self.key}-{self.repeat}" if self.repeat else self.key


class Receipt(NamedTuple):
    """What a channel says became of one target; never holds a secret.

    A tuple, to be made by keywords: thousands are made a second.
    """

    key: str
    outcome: Outcome
    #: the far end's own name for it: queue id, call SID, request id
    ref: str | None = None
    reason: Reason | None = None
    answer: Answer | None = None
    #: the far end's words, for people
    detail: str | None = None
    #: the outcome is known, and the line is still in use until a later receipt without this
    line_open: bool = False
    #: of an airing; one that is under way is followed by other receipts of the same key
    phase: Phase | None = None


class ChannelSettings(BaseModel):
    """The keys that every `[channels.NAME]` section has; channels add their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: entry point in `alertd.channels`
    kind: str
    #: the statuses that may go out here; a drill section carries Exercise and Test only
    carries: tuple[Status, ...] = (Status.EXERCISE, Status.TEST)
    #: hand-overs in all, until the delivery has failed
    attempts: int = 5
    #: seconds until the next attempt, by attempt (the last one repeats)
    retry_after: tuple[float, ...] = (60.0, 180.0, 300.0)
    #: seconds until the next attempt for one reason, e.g. { busy = 60 }
    retry_after_reason: Mapping[Reason, float] = {}
    #: seconds until the next attempt at Extreme, by attempt; empty = as at other times
    retry_after_extreme: tuple[float, ...] = ()
    #: up to what part of a pause is added to it, different for each address: not all come again at once
    retry_spread: float = 0.0
    #: reasons that are worth another attempt at Extreme and Severe only
    retry_when_severe: tuple[Reason, ...] = ()
    #: from when until when (Japan time) people are left in peace, e.g. ["21:00", "07:00"]; [] = never
    quiet_hours: tuple[time, ...] = ()
    #: the least severity that goes out even then
    quiet_unless: Severity = Severity.MODERATE
    #: groups whose members are told first, because they pass it on
    first_groups: tuple[str, ...] = ()
    #: groups of those who live where it is dangerous, the most dangerous place first: they come after
    #: those who need support and before all others
    danger_groups: tuple[str, ...] = ()
    #: the far end is a simulation: shown wherever the channel is shown
    simulated: bool = False

    @field_validator("quiet_hours")
    @classmethod
    def _from_until(cls, given: tuple[time, ...]) -> tuple[time, ...]:
        if len(given) not in (0, 2):
            raise ValueError('give two times, e.g. ["21:00", "07:00"], or [] for none')
        return given

    @property
    def reaches(self) -> str:
        """The kind of contact that is reached here: its own, unless another channel has named it."""
        return self.kind

    def shared(self, senders: int) -> Self:
        """The settings of one of so many senders that have this section's limits together."""
        return self

    def must_carry(self, status: Status) -> None:
        """Raises ChannelMisconfigured for a status that may not go out here.

        Every channel asks this at the start of `send`: the last gate before the world.
        """
        if status not in self.carries:
            allowed = ", ".join(self.carries) or "nothing"
            raise ChannelMisconfigured(
                f"this channel carries {allowed}, not {status}; see `carries` in its section"
            )


class Channel(Protocol):
    """One way of reaching people.

    `send` yields one receipt for each target, each as soon as it is known; one bad
    target never spoils the others. Raises ChannelUnavailable when the far end is down
    and ChannelMisconfigured when a person must act; targets without a receipt are
    tried again. Opened once in each worker, lives until `close`; `send` is not called
    from two threads at once, `receive` and `ask` may be called beside it. It never
    retries: when to try again is the dispatcher's to decide. Opening does not touch
    the network.
    """

    Settings: ClassVar[type[ChannelSettings]]

    def __init__(self, name: str, settings: Any, /) -> None: ...

    @property
    def traits(self) -> Traits: ...

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterable[Receipt]:
        """Hand the message over to each target; no targets, nothing heard."""
        ...

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A request of the far end at a target's `answer_url` or at `/callbacks/NAME`.

    `url` is the public one that the far end called (never from the Host header), with
    the query. `target` and `message` are of the delivery that the URL's key names, None
    when it names none; `closed` says that the delivery needs no more: a call should
    hang up.
    """

    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes
    #: query parameters of the URL, last one wins
    query: Mapping[str, str]
    target: Target | None
    message: Message | None
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to answer to a callback, and what it said of deliveries."""

    receipts: tuple[Receipt, ...] = ()
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200


@runtime_checkable
class Reports(Protocol):
    """A channel whose far end calls back."""

    def receive(self, callback: Callback, /) -> Reply:
        """Check that the callback is genuine, then say what it means.

        Raises ForgedCallback. Callbacks come repeated, late and in any order.
        """
        ...


@runtime_checkable
class Tells(Protocol):
    """A channel that also Reports, and most of whose callbacks say something and ask nothing."""

    def told(self, callback: Callback, /) -> Reply | None:
        """As `receive`, for a callback that can be judged by itself; None = give it to `receive`.

        `callback` has neither target nor message: receipts have the key of its URL. Asked
        hundreds of times a second, so it waits for nothing.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """A question about one hand-over: what became of it?"""

    target: Target
    #: the far end's name for it, when it was recorded
    ref: str | None
    handed_at: datetime
    #: now, for the age of the hand-over
    asked_at: datetime
    message: Message
    #: the far end's names for other hand-overs to the same address: none of them is this one
    other_refs: frozenset[str] = frozenset()


@runtime_checkable
class Asks(Protocol):
    """A channel whose far end can be asked."""

    def ask(self, inquiry: Inquiry, /) -> Receipt | None:
        """What the far end knows; `accepted` = still under way, ask again later.

        None = it surely never arrived: hand it over again. Raises ChannelUnavailable.
        """
        ...


@runtime_checkable
class Airs(Protocol):
    """A channel that also Asks, and that holds a transmitter for as long as it speaks.

    Its `send` yields a receipt with a phase every half second or more often while an
    airing is under way. Between two of them the engine may call `release`; `send` then
    finds that the airing is over and says so.
    """

    def limit(self, message: Message, /) -> timedelta:
        """How long after the hand-over the transmitter must be given back, whatever happens."""
        ...

    def release(self, inquiry: Inquiry, /) -> Receipt:
        """Take this airing off and give the transmitter back, now; receivers are switched off.

        Says what was found: `truncated`, or `released` when nothing of it was on the air.
        By whoever finds that it is due, in any process; twice is harmless. Raises
        ChannelUnavailable as long as the transmitter is not proven to be given back.
        """
        ...


@runtime_checkable
class Recalls(Protocol):
    """A channel that also Asks, and whose hand-overs can be stopped while nobody has answered."""

    def recall(self, inquiry: Inquiry, /) -> Receipt | None:
        """Stop it if nobody has answered yet; then says what became of it, as `ask` does.

        Twice, or too late, is harmless. Raises ChannelUnavailable.
        """
        ...


@runtime_checkable
class Rings(Protocol):
    """A channel whose `send` lasts as long as its calls, and can be told meanwhile to stop ringing."""

    def fall_silent(self) -> None:
        """From another thread, while `send` runs: nothing of it shall ring any longer.

        Who has answered is left to listen; `send` gives its receipts as ever. Twice, or
        with nothing under way, is harmless.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """An alert that holds now, or did so until a day ago, for somebody who calls us."""

    #: of the dispatch
    number: int
    message: Message
    #: the caller's own delivery of it; None = there is none, or we do not know who calls
    target: Target | None


@runtime_checkable
class Answers(Protocol):
    """A channel that people can call by themselves, to hear what is in force."""

    def caller(self, callback: Callback, /) -> str | None:
        """The address that calls us, empty when it is withheld; None = the callback is about a call of ours.

        Raises ForgedCallback.
        """
        ...

    def answer(self, callback: Callback, in_force: Sequence[InForce], /) -> Reply:
        """What to say to a caller; `in_force` is for that caller, the newest first.

        A receipt for a target says that the caller has listened to its message.
        """
        ...


@runtime_checkable
class Prepares(Protocol):
    """A channel whose first hand-over would be late, because it has much to load."""

    def prepare(self) -> None:
        """Load it now, without touching the network; at once when it is loaded already."""
        ...


@runtime_checkable
class Probes(Protocol):
    """A channel whose far end can be tried without anybody hearing it."""

    def probe(self) -> str:
        """One sentence about the far end that answered.

        Raises ChannelUnavailable or ChannelMisconfigured.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to one person about their registration, apart from any alert."""

    #: opaque, `[A-Za-z0-9_-]{1,64}`; the same over all attempts
    key: str
    address: str
    language: str
    subject: str
    text: str
    sent: datetime


@runtime_checkable
class Writes(Protocol):
    """A channel that can also carry letters, beside whatever else it is sending."""

    @property
    def writes_from(self) -> str:
        """The address that letters come from."""
        ...

    def write(self, letters: Sequence[Letter], /) -> Iterable[Receipt]:
        """Hand each letter over; receipts, errors and retries as in `send`."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a preview: a label, a MIME type, and the content as text."""

    label: str
    content_type: str
    content: str


@runtime_checkable
class Preview(Protocol):
    """A channel that can show what it would send."""

    def preview(self, message: Message, /) -> Sequence[Part]:
        """What a recipient would get, without sending anything."""
        ...
