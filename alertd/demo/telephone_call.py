"""One simulated call, from the queue to the end: rings, fetches TwiML, carries it out.

Time inside a call is simulated: `passed` counts its seconds, and each takes
1 / `speed` of a real one. What is fetched and posted is real.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urljoin

from alertd.demo.telephone_faults import Dice
from alertd.demo.telephone_household import Household, Line
from alertd.demo.telephone_ledger import Ledger
from alertd.demo.telephone_twiml import (
    Gather,
    Hangup,
    Pause,
    Play,
    Prompt,
    Redirect,
    Say,
    Verb,
    WrongDocument,
    parse,
)

#: From picking up until a person is told from a machine, simulated seconds.
_DETECTION = 2.0
#: Documents of one call; more is a loop.
_MOST_DOCUMENTS = 60
ENDED = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


class Exchange(Protocol):
    """What a call needs of the network."""

    ledger: Ledger
    speed: float

    async def document(self, call: Call, url: str, extra: Mapping[str, str]) -> bytes:
        """Post to our server and give its TwiML. Raises WrongDocument."""
        ...

    async def sound(self, url: str) -> tuple[str, float]:
        """Download a sound: its digest and seconds. Raises WrongDocument."""
        ...

    def report(self, call: Call, event: str) -> None:
        """Post a status callback, if it was asked for, without waiting."""
        ...


@dataclass(slots=True, kw_only=True)
class Call:
    """A Call resource and its life so far."""

    sid: str
    to: str
    from_: str
    created_at: datetime
    household: Household
    dice: Dice
    #: form fields of the request that created it, first one wins
    wishes: Mapping[str, str]
    events: tuple[str, ...]
    state: str = "queued"
    answered_by: str = ""
    sip: str = ""
    #: simulated seconds since somebody picked up
    passed: float = 0.0
    duration: int | None = None
    #: the words before a question were heard to their end by a person
    heard: bool = False
    #: keys that were pressed and sent
    pressed: str = ""
    queue_ms: int = 0
    task: asyncio.Task[None] | None = None
    #: a resident has called us
    inbound: bool = False
    reports: list[asyncio.Task[None]] = field(default_factory=list)
    sequence: int = 0


class _HungUp(Exception):
    """The person, or the limit of time, has ended the call."""


class _Pressed(Exception):
    """A key was pressed in the middle of the words."""


async def live(call: Call, exchange: Exchange, *, engaged: bool) -> None:
    """Let a call that has left the queue happen, to its end."""
    exchange.report(call, "initiated")
    household = call.household
    await asyncio.sleep(1 / exchange.speed)
    match household.line:
        case Line.ANSWERS if engaged:
            return end(call, exchange, "busy", "486")
        case Line.ENGAGED:
            return end(call, exchange, "busy", "486")
        case Line.DEAD | Line.IMPOSSIBLE:
            return end(call, exchange, "failed", "404")
        case Line.DECLINES:
            return end(call, exchange, "failed", "603")
    call.state = "ringing"
    exchange.report(call, "ringing")
    longest = float(call.wishes.get("Timeout", "60"))
    if household.line is Line.SILENT or household.rings >= longest:
        await asyncio.sleep(longest / exchange.speed)
        return end(call, exchange, "no-answer", "480")
    await asyncio.sleep(household.rings / exchange.speed)
    call.state, call.sip = "in-progress", "200"
    exchange.ledger.record("answered", sid=call.sid, to=call.to)
    exchange.report(call, "answered")
    try:
        await _detect(call, exchange)
        await _talk(call, exchange)
    except _HungUp:
        pass
    end(call, exchange, "completed", "200")


async def come_in(call: Call, exchange: Exchange) -> None:
    """Let a call of a resident to us happen: we pick up at once, and they listen."""
    call.state, call.sip = "in-progress", "200"
    exchange.ledger.record("called in", sid=call.sid, number=call.from_)
    with contextlib.suppress(_HungUp):
        await _talk(call, exchange)
    end(call, exchange, "completed", "200")


def end(call: Call, exchange: Exchange, state: str, sip: str = "") -> None:
    """Give a call its last state, once."""
    if call.state in ENDED:
        return
    call.state, call.sip = state, sip
    if state == "completed":
        call.duration = max(1, round(call.passed))
    exchange.ledger.record(
        "ended",
        sid=call.sid,
        to=call.to,
        state=state,
        seconds=call.duration,
        heard=call.heard,
        pressed=call.pressed,
        answered_by=call.answered_by,
    )
    exchange.report(call, "completed")


async def _detect(call: Call, exchange: Exchange) -> None:
    """Tell a person from a machine, where the caller has asked for it."""
    wish = call.wishes.get("MachineDetection", "")
    if wish not in ("Enable", "DetectMessageEnd"):
        return
    if not call.household.machine:
        await _pass(call, exchange, _DETECTION)
        call.answered_by = "human"
    elif wish == "Enable":
        await _pass(call, exchange, _DETECTION)
        call.answered_by = "machine_start"
    else:
        await _pass(call, exchange, call.household.greeting)
        call.answered_by = "machine_end_beep"


async def _talk(call: Call, exchange: Exchange) -> None:
    """Carry out document after document, until one ends without a next."""
    url: str | None = call.wishes["Url"]
    extra: dict[str, str] = {}
    fallback = call.wishes.get("FallbackUrl")
    keys = list(call.household.keys) if call.household.tones and not call.household.machine else []
    for _ in range(_MOST_DOCUMENTS):
        if url is None:
            return
        try:
            verbs = parse(await exchange.document(call, url, extra))
            following = await _carry_out(call, exchange, verbs, keys)
        except WrongDocument as error:
            exchange.ledger.record("error", sid=call.sid, to=call.to, url=url, error=str(error))
            if fallback is None:
                return
            url, extra, fallback = fallback, {"ErrorCode": "11200", "ErrorUrl": url}, None
            continue
        if following is None:
            return
        url, extra = urljoin(url, following[0]), following[1]
    exchange.ledger.record("error", sid=call.sid, to=call.to, url=url, error="documents without end")


async def _carry_out(
    call: Call, exchange: Exchange, verbs: tuple[Verb, ...], keys: list[str]
) -> tuple[str, dict[str, str]] | None:
    """One document; gives the next URL with its extra fields, None = hang up."""
    for verb in verbs:
        match verb:
            case Gather():
                key = await _gather(call, exchange, verb, keys)
                if key is not None:
                    call.pressed += key
                    exchange.ledger.record("key", sid=call.sid, to=call.to, key=key)
                    return verb.action, {"Digits": key, "msg": "Gather End"}
            case Redirect(url):
                return url, {}
            case Hangup():
                return None
            case Say() | Play() | Pause():
                await _prompt(call, exchange, verb)
    return None


async def _gather(call: Call, exchange: Exchange, gather: Gather, keys: list[str]) -> str | None:
    """The key that is pressed during or after the prompts; None = none in time."""
    try:
        for prompt in gather.prompts:
            await _prompt(call, exchange, prompt, interruptible=bool(keys))
    except _Pressed:
        return keys.pop(0)
    call.heard = call.heard or not call.household.machine
    if keys and call.household.thinks <= gather.timeout:
        await _pass(call, exchange, call.household.thinks)
        return keys.pop(0)
    await _pass(call, exchange, gather.timeout)
    return None


async def _prompt(call: Call, exchange: Exchange, prompt: Prompt, *, interruptible: bool = False) -> None:
    """Let one prompt be heard, as far as it is listened to."""
    match prompt:
        case Pause(seconds):
            await _pass(call, exchange, seconds, interruptible=interruptible)
            return
        case Say(text):
            facts: dict[str, object] = {"text": text, "language": prompt.language}
            event, seconds = "said", prompt.seconds
        case Play(url):
            digest, seconds = await exchange.sound(url)
            event, facts = "played", {"digest": digest}
    began = call.passed
    try:
        await _pass(call, exchange, seconds, interruptible=interruptible)
    finally:
        exchange.ledger.record(
            event,
            sid=call.sid,
            to=call.to,
            seconds=round(seconds, 3),
            heard=round(min(seconds, call.passed - began), 3),
            **facts,
        )


async def _pass(call: Call, exchange: Exchange, seconds: float, *, interruptible: bool = False) -> None:
    """Let simulated time go by, or as much of it as the person and the limit allow."""
    limit = float(call.wishes.get("TimeLimit", "14400"))
    patience = call.household.patience
    leaves_at = limit if patience is None else min(limit, patience)
    presses_at = call.household.interrupts_at if interruptible else None
    until = min(call.passed + seconds, leaves_at)
    interrupted = presses_at is not None and call.passed < presses_at < until
    if interrupted and presses_at is not None:
        until = presses_at
    await asyncio.sleep(max(0.0, until - call.passed) / exchange.speed)
    call.passed = max(call.passed, until)
    if interrupted:
        raise _Pressed
    if call.passed >= leaves_at:
        raise _HungUp
