"""The channel contract: what every channel promises, as claims that pytest can refute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import ClassVar

import pytest

from alertd.alert import MsgType, Reference, Status
from alertd.channel import (
    Channel,
    Message,
    Outcome,
    Preview,
    Probes,
    Receipt,
    Reports,
    Target,
)
from alertd.errors import (
    ChannelMisconfigured,
    ChannelUnavailable,
    ForgedCallback,
    WrongConfiguration,
)
from alertd.settings import read_settings
from alertd.testing.far_end import FarEnd

#: What a channel may say of a target that it reached.
ARRIVED = (Outcome.ACCEPTED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)
#: What a channel may say at all; the other outcomes are the engine's.
SAYABLE = (*ARRIVED, Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)

TEXTS = {
    "japanese": "【訓練】五十嵐川がはん濫するおそれがあります。髙橋・𠮷田・﨑・①・～・－。"
    "やさしい にほんご：たかい ところへ にげて ください。",
    "emoji": "【訓練】⚠️ 🏃\u200d♀️ 👨\u200d👩\u200d👧 🇯🇵 避難",
    "crlf": "【訓練】一行目\r\n\r\n.\r\n..二点で始まる行\r\nFrom 行頭の語\r\n字下げ\tと行末の空白 \r\n終わり",
    "2,000 characters": "【訓練】" + "避難所は市役所です。" * 199 + "以上です。。",
}

_UNLIKELY_KEY = "batch_sise_of_this_channel"


def hand_over(channel: Channel, message: Message, targets: Sequence[Target]) -> list[Receipt]:
    """Hands over in groups no larger than the channel takes, and collects the last receipts.

    What says only how an airing goes comes before the last receipt of its target.
    """
    size = channel.traits.batch_size
    groups = (targets[start : start + size] for start in range(0, len(targets), size))
    last: list[Receipt] = []
    for group in groups:
        over: set[str] = set()
        for receipt in channel.send(message, group):
            assert receipt.key not in over or receipt.phase is None or not receipt.phase.under_way
            if receipt.phase is None or not receipt.phase.under_way:
                over.add(receipt.key)
                last.append(receipt)
    return last


class ChannelContract:
    """Subclass it, name the channel, and give a `far_end` fixture.

    A claim that cannot be made of a channel is named in `does_not_apply` with the
    reason; it is then shown as skipped with that reason. Everything else must hold.
    """

    #: the class that the entry point names
    channel_class: ClassVar[type[Channel]]
    #: claim (name of its test) → why it cannot be made of this channel
    does_not_apply: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        """Refuses, at import, to put aside a claim that there is not, or without a reason."""
        super().__init_subclass__()
        for claim, reason in cls.does_not_apply.items():
            if not claim.startswith("test_") or not hasattr(cls, claim):
                raise TypeError(f"{cls.__name__}.does_not_apply: there is no claim {claim!r}")
            if not reason.strip():
                raise TypeError(f"{cls.__name__}.does_not_apply: no reason is given for {claim!r}")

    @pytest.fixture
    def far_end(self) -> Iterator[FarEnd]:
        """A far end of its own for each test; yours to override."""
        raise NotImplementedError("give a far_end fixture")

    @pytest.fixture
    def channel(self, far_end: FarEnd) -> Iterator[Channel]:
        channel = self.open(far_end.section())
        yield channel
        channel.close()

    @pytest.fixture(autouse=True)
    def _only_what_applies(self, request: pytest.FixtureRequest) -> None:
        name = getattr(request.node, "originalname", request.node.name)
        if name in self.does_not_apply:
            pytest.skip(f"does not apply: {self.does_not_apply[name]}")

    def open(self, section: Mapping[str, object]) -> Channel:
        """The channel of this section, as the registry opens it."""
        settings = read_settings(self.channel_class.Settings, section, "channels.contract")
        return self.channel_class("contract", settings)

    # -- receipts -------------------------------------------------------------------

    def test_the_batch_size_is_between_1_and_25(self, channel: Channel) -> None:
        assert 1 <= channel.traits.batch_size <= 25

    def test_each_target_gets_one_receipt(self, channel: Channel, far_end: FarEnd) -> None:
        targets = far_end.targets(3)
        receipts = hand_over(channel, far_end.message(), targets)
        assert sorted(receipt.key for receipt in receipts) == sorted(target.key for target in targets)
        assert all(receipt.outcome in ARRIVED for receipt in receipts), receipts
        assert Counter(heard.address for heard in far_end.heard()) == Counter(t.address for t in targets)

    def test_no_targets_nothing_heard(self, channel: Channel, far_end: FarEnd) -> None:
        assert list(channel.send(far_end.message(), [])) == []
        assert list(far_end.heard()) == []

    def test_a_refused_target_does_not_spoil_the_others(self, channel: Channel, far_end: FarEnd) -> None:
        first, last = far_end.targets(2)
        refused = far_end.target(far_end.refused)
        receipts = hand_over(channel, far_end.message(), [first, refused, last])
        outcomes = {receipt.key: receipt.outcome for receipt in receipts}
        assert set(outcomes) == {first.key, refused.key, last.key}
        assert len(receipts) == 3
        assert outcomes[refused.key] is Outcome.FAILED
        assert outcomes[first.key] in ARRIVED
        assert outcomes[last.key] in ARRIVED
        assert sorted(h.address for h in far_end.heard()) == sorted([first.address, last.address])

    def test_a_receipt_says_only_what_a_channel_may_say(self, channel: Channel, far_end: FarEnd) -> None:
        targets = [*far_end.targets(1), *([far_end.target(far_end.refused)] if far_end.refused else [])]
        for receipt in hand_over(channel, far_end.message(), targets):
            assert receipt.outcome in SAYABLE
            assert (receipt.reason is None) == (receipt.outcome in ARRIVED), "a reason iff it did not arrive"

    def test_the_key_is_seen_and_stays_the_same_over_attempts(
        self, channel: Channel, far_end: FarEnd
    ) -> None:
        address = far_end.addresses[0]
        for attempt in (1, 2):
            target = far_end.target(address, key="delivery-same", attempt=attempt)
            (receipt,) = hand_over(channel, far_end.message(), [target])
            assert receipt.key == "delivery-same"
        assert {heard.key for heard in far_end.heard()} == {"delivery-same"}

    # -- words ----------------------------------------------------------------------

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    def test_text_arrives_unaltered(self, channel: Channel, far_end: FarEnd, text: str) -> None:
        hand_over(channel, far_end.message(text=text), far_end.targets(1))
        assert [heard.text for heard in far_end.heard()] == [text]

    def test_machines_can_tell_an_exercise_from_an_alert(self, channel: Channel, far_end: FarEnd) -> None:
        for status in (Status.EXERCISE, Status.ACTUAL):
            hand_over(channel, far_end.message(status=status), far_end.targets(1))
        assert [heard.status for heard in far_end.heard()] == [Status.EXERCISE, Status.ACTUAL]

    def test_a_status_that_the_section_does_not_carry_is_refused(self, far_end: FarEnd) -> None:
        channel = self.open({**far_end.section(), "carries": ["Exercise"]})
        try:
            with pytest.raises(ChannelMisconfigured):
                hand_over(channel, far_end.message(status=Status.ACTUAL), far_end.targets(1))
            assert list(far_end.heard()) == []
        finally:
            channel.close()

    def test_a_cancel_is_carried(self, channel: Channel, far_end: FarEnd) -> None:
        alert = far_end.message()
        earlier = Reference("alert@city.sanjo.example.jp", alert.identifier, alert.sent)
        cancel = far_end.message(identifier="20261123-0002", kind=MsgType.CANCEL, references=(earlier,))
        hand_over(channel, alert, [far_end.target(far_end.addresses[0])])
        (receipt,) = hand_over(channel, cancel, [far_end.target(far_end.addresses[0])])
        assert receipt.outcome in ARRIVED
        first, second = far_end.heard()
        assert (first.kind, first.references) == (MsgType.ALERT, ())
        assert (second.kind, second.references) == (MsgType.CANCEL, (alert.identifier,))

    # -- trouble --------------------------------------------------------------------

    def test_a_far_end_that_is_down_never_fails_a_target(self, far_end: FarEnd) -> None:
        far_end.go_down()
        channel = self.open(far_end.section())
        try:
            assert _outcomes_while_down(channel, far_end) <= {Outcome.DEFERRED, Outcome.UNKNOWN}
        finally:
            channel.close()
            far_end.come_up()

    def test_a_far_end_that_comes_back_is_used_again(self, channel: Channel, far_end: FarEnd) -> None:
        hand_over(channel, far_end.message(), far_end.targets(1))
        far_end.go_down()
        assert _outcomes_while_down(channel, far_end) <= {Outcome.DEFERRED, Outcome.UNKNOWN}
        far_end.come_up()
        (receipt,) = hand_over(channel, far_end.message(), far_end.targets(1))
        assert receipt.outcome in ARRIVED

    def test_wrong_credentials_need_a_person(self, far_end: FarEnd) -> None:
        channel = self.open(far_end.wrong_section())
        try:
            with pytest.raises(ChannelMisconfigured):
                hand_over(channel, far_end.message(), far_end.targets(1))
            assert list(far_end.heard()) == []
        finally:
            channel.close()

    def test_an_unknown_key_is_refused_by_name_with_a_suggestion(self, far_end: FarEnd) -> None:
        with pytest.raises(WrongConfiguration) as caught:
            self.open({**far_end.section(), "carrys": ["Test"]})
        assert str(caught.value).count('"carrys"') == 1
        assert 'did you mean "carries"?' in str(caught.value)
        with pytest.raises(WrongConfiguration, match=_UNLIKELY_KEY):
            self.open({**far_end.section(), _UNLIKELY_KEY: 1})

    def test_a_reader_that_stops_early_leaves_the_channel_usable(
        self, channel: Channel, far_end: FarEnd
    ) -> None:
        size = min(3, channel.traits.batch_size)
        for read in (0, 1):
            receipts = iter(channel.send(far_end.message(), far_end.targets(size)))
            for _ in range(read):
                next(receipts)
            if isinstance(receipts, Generator):
                receipts.close()
        # what is on the air already ends by itself
        far_end.heard()
        target = far_end.targets(1)[0]
        (receipt,) = hand_over(channel, far_end.message(), [target])
        assert receipt.key == target.key
        assert receipt.outcome in ARRIVED

    def test_closing_twice_is_fine(self, channel: Channel, far_end: FarEnd) -> None:
        hand_over(channel, far_end.message(), far_end.targets(1))
        channel.close()
        channel.close()

    def test_closing_what_was_never_used_is_fine(self, channel: Channel) -> None:
        channel.close()

    # -- secrets and privacy --------------------------------------------------------

    def test_no_secret_is_shown(
        self, far_end: FarEnd, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert far_end.secrets, "the far end names no secret to look for"
        caplog.set_level(logging.DEBUG)
        shown: list[object] = []
        for section in (far_end.section(), far_end.wrong_section()):
            channel = self.open(section)
            shown += [channel, channel.traits, vars(channel) if hasattr(channel, "__dict__") else ""]
            try:
                shown += hand_over(channel, far_end.message(), far_end.targets(2))
                far_end.go_down()
                shown += hand_over(channel, far_end.message(), far_end.targets(1))
            except (ChannelMisconfigured, ChannelUnavailable) as error:
                shown += [error, error.__cause__, error.__context__]
            finally:
                far_end.come_up()
                channel.close()
        written = capfd.readouterr()
        everything = "\n".join([*map(repr, shown), *map(str, shown), caplog.text, written.out, written.err])
        assert [secret for secret in far_end.secrets if secret in everything] == []

    def test_no_address_and_no_text_is_logged(
        self, channel: Channel, far_end: FarEnd, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        message = far_end.message()
        targets = far_end.targets(2)
        targets += [far_end.target(far_end.refused)] if far_end.refused else []
        hand_over(channel, message, targets)
        private = [message.text, message.headline, *(target.address for target in targets)]
        assert [word for word in private if word in caplog.text] == []

    # -- what only some channels do -------------------------------------------------

    def test_a_genuine_callback_is_believed(self, channel: Channel, far_end: FarEnd) -> None:
        assert isinstance(channel, Reports)
        target, message = far_end.targets(1)[0], far_end.message()
        for _ in ("once", "repeated"):
            reply = channel.receive(far_end.callback(target, message))
            assert reply.status < 400
            assert {receipt.key for receipt in reply.receipts} <= {target.key}

    def test_a_forged_callback_is_refused(self, channel: Channel, far_end: FarEnd) -> None:
        assert isinstance(channel, Reports)
        genuine = far_end.callback(far_end.targets(1)[0], far_end.message())
        forgeries = list(far_end.forgeries(genuine))
        assert len(forgeries) >= 3
        for what, forged in forgeries:
            with pytest.raises(ForgedCallback):
                assert not channel.receive(forged), f"{what}: was believed"

    def test_a_probe_is_answered_and_heard_by_nobody(self, channel: Channel, far_end: FarEnd) -> None:
        assert isinstance(channel, Probes)
        assert channel.probe().strip()
        assert list(far_end.heard()) == []
        far_end.go_down()
        with pytest.raises(ChannelUnavailable):
            channel.probe()
        far_end.come_up()

    def test_a_preview_is_heard_by_nobody(self, channel: Channel, far_end: FarEnd) -> None:
        assert isinstance(channel, Preview)
        parts = channel.preview(far_end.message())
        assert parts
        assert all(part.label and part.content_type and part.content for part in parts)
        assert list(far_end.heard()) == []


def _outcomes_while_down(channel: Channel, far_end: FarEnd) -> set[Outcome]:
    """What the channel says of two targets; nothing when it says that the far end is down."""
    try:
        return {receipt.outcome for receipt in hand_over(channel, far_end.message(), far_end.targets(2))}
    except ChannelUnavailable:
        return set()
