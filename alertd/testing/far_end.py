"""The far end as the contract needs it: real or a stand-in, with a ledger of what it heard."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from alertd.alert import MsgType, Status
from alertd.channel import Callback, Message, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One thing that arrived, as a machine at the far end can see it.

    `None` means that this far end has no way to see it; the matching claim must then
    be named in `ChannelContract.does_not_apply`.
    """

    address: str
    key: str | None = None
    #: the words, decoded as a recipient's device would decode them
    text: str | None = None
    status: Status | None = None
    kind: MsgType | None = None
    #: identifiers of earlier documents that this one belongs to
    references: tuple[str, ...] = ()


class FarEnd(ABC):
    """What a test may do to the world behind one channel section.

    Each test gets a new one. `addresses` may be a single one where a section has only
    one place to reach, such as a transmitter.
    """

    #: where a message arrives; all different
    addresses: Sequence[str] = ()
    #: where the far end refuses it for good
    refused: str = ""
    #: passwords and tokens, wrong ones too: they must be seen nowhere
    secrets: Sequence[str] = ()

    #: what `message` gives when nothing else is asked for
    plain: ClassVar[Message] = Message(
        identifier="20261123-0001",
        kind=MsgType.ALERT,
        status=Status.EXERCISE,
        language="ja",
        headline="【訓練】避難指示",
        text="【訓練】これは訓練です。",
        sent=datetime(2026, 11, 23, 1, 0, tzinfo=UTC),
        expires=datetime(2026, 11, 23, 7, 0, tzinfo=UTC),
    )

    def __init__(self) -> None:
        self._numbers = count(1)

    @abstractmethod
    def section(self) -> dict[str, object]:
        """A right `[channels.NAME]` table that carries Actual, Exercise and Test."""

    def wrong_section(self) -> dict[str, object]:
        """The same with credentials that the far end does not accept."""
        raise NotImplementedError

    @abstractmethod
    def heard(self) -> Sequence[Heard]:
        """All that has arrived; waits until what is under way has arrived."""

    @abstractmethod
    def go_down(self) -> None:
        """From now on nothing reaches the far end; what it heard is kept."""

    @abstractmethod
    def come_up(self) -> None:
        """The far end is back at the same place; nothing happens when it never went."""

    def callback(self, target: Target, message: Message) -> Callback:
        """A genuine callback about this target."""
        raise NotImplementedError

    def forgeries(self, genuine: Callback) -> Iterator[tuple[str, Callback]]:
        """The same callback unsigned, with another signature, and altered after signing.

        A signature is a header with `signature` in its name; override for anything else.
        """
        signed = {name: value for name, value in genuine.headers.items() if "signature" in name.lower()}
        unsigned = {name: value for name, value in genuine.headers.items() if name not in signed}
        yield "unsigned", replace(genuine, headers=unsigned)
        for name, value in signed.items():
            other = ("1" if value.startswith("0") else "0") + value[1:]
            yield f"another {name}", replace(genuine, headers={**genuine.headers, name: other})
        yield "altered", altered(genuine)

    def message(self, **changes: Any) -> Message:
        """A harmless drill; `changes` are fields of Message. Override to add sound."""
        return replace(self.plain, **changes)

    def target(self, address: str, *, key: str | None = None, attempt: int = 1) -> Target:
        """A target with a key of its own, unless one is given."""
        key = key or f"delivery-{next(self._numbers)}"
        return Target(
            key=key,
            attempt=attempt,
            address=address,
            answer_url=f"https://alertd.example.jp/callbacks/contract?key={key}&attempt={attempt}",
            stop_url=f"https://alertd.example.jp/stop/{key}",
        )

    def targets(self, number: int) -> list[Target]:
        """So many targets, over all addresses in turn."""
        return [self.target(self.addresses[n % len(self.addresses)]) for n in range(number)]


def altered(genuine: Callback) -> Callback:
    """The callback with one thing changed in its body, its headers untouched."""
    form = dict(parse_qsl(genuine.body.decode("utf-8", "replace"), keep_blank_values=True))
    if form:
        name = max(form)
        return replace(genuine, body=urlencode({**form, name: form[name] + "1"}).encode())
    return replace(genuine, body=genuine.body + b" ")
