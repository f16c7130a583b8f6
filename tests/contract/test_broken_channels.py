"""Each claim of the contract catches the channel that breaks it.

A broken channel is the double with one defect, named after the claim that must notice.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ConfigDict

from alertd.alert import MsgType, Status
from alertd.channel import (
    Callback,
    ChannelSettings,
    Message,
    Outcome,
    Part,
    Reason,
    Receipt,
    Reply,
    Target,
    Traits,
)
from alertd.errors import (
    AlertdError,
    ChannelMisconfigured,
    ChannelUnavailable,
    ForgedCallback,
    WrongInput,
)
from alertd.testing import ChannelContract, FakeChannel, FakeFarEnd
from alertd.testing.contract import TEXTS
from alertd.testing.fake import FakeSettings

log = logging.getLogger(__name__)


class TakesTooManyAtOnce(FakeChannel):
    @property
    def traits(self) -> Traits:
        return replace(super().traits, batch_size=500)


class LosesAReceipt(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        yield from list(super().send(message, targets))[:-1]


class TellsTwice(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        for receipt in super().send(message, targets):
            yield from (receipt, receipt)


class SaysItSentAndDidNot(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        return iter([Receipt(key=target.key, outcome=Outcome.ACCEPTED) for target in targets])


class SpeaksWithoutTargets(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        if not targets:
            here = FakeFarEnd.addresses[0]
            list(super().send(message, [Target(key="nobody", attempt=1, address=here, answer_url="")]))
            return iter(())
        return super().send(message, targets)


class StopsAtARefusal(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        for receipt in super().send(message, targets):
            yield receipt
            if receipt.outcome is Outcome.FAILED:
                return


class SaysWhatIsNotItsToSay(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        for receipt in super().send(message, targets):
            yield receipt._replace(outcome=Outcome.EXPIRED, reason=Reason.OTHER)


class MakesANewKeyForEachAttempt(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        renamed = [target._replace(key=f"{target.key}-{target.attempt}") for target in targets]
        for target, receipt in zip(targets, super().send(message, renamed), strict=True):
            yield receipt._replace(key=target.key)


class AltersText(FakeChannel):
    def text(self, text: str) -> str:
        raise NotImplementedError

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        return super().send(replace(message, text=self.text(message.text)), targets)


class WritesShiftJis(AltersText):
    def text(self, text: str) -> str:
        return text.encode("shift_jis", "replace").decode("shift_jis")


class DropsEmoji(AltersText):
    def text(self, text: str) -> str:
        return "".join(character for character in text if ord(character) < 0x10000)


class DoublesLineEnds(AltersText):
    def text(self, text: str) -> str:
        return text.replace("\n", "\r\n")


class CutsLongText(AltersText):
    def text(self, text: str) -> str:
        return text[:1999]


class MarksNothing(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        return super().send(replace(message, status=Status.ACTUAL), targets)


class CarriesEverything(FakeChannel):
    def __init__(self, name: str, settings: FakeSettings, /) -> None:
        super().__init__(name, settings.model_copy(update={"carries": tuple(Status)}))


class CancelsLikeAnAlert(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        return super().send(replace(message, kind=MsgType.ALERT), targets)


class ForgetsWhatACancelRefersTo(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        return super().send(replace(message, references=()), targets)


class FailsTargetsWhenDown(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        try:
            yield from super().send(message, targets)
        except ChannelUnavailable:
            for target in targets:
                yield Receipt(key=target.key, outcome=Outcome.FAILED, reason=Reason.UNREACHABLE)


class GivesUpForEver(FakeChannel):
    given_up = False

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        if self.given_up:
            raise ChannelUnavailable("gave up")
        try:
            yield from super().send(message, targets)
        except ChannelUnavailable:
            self.given_up = True
            raise


class TakesWrongCredentialsForAnOutage(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        try:
            yield from super().send(message, targets)
        except ChannelMisconfigured as error:
            raise ChannelUnavailable(str(error)) from None


class LaxSettings(FakeSettings):
    model_config = ConfigDict(frozen=True, extra="ignore")


class IgnoresUnknownKeys(FakeChannel):
    Settings: ClassVar[type[ChannelSettings]] = LaxSettings


class StaysBusyWhenNotReadToTheEnd(FakeChannel):
    busy = False

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        if self.busy:
            raise ChannelUnavailable("still busy")
        self.busy = True
        yield from super().send(message, targets)
        self.busy = False


class ClosesOnlyOnce(FakeChannel):
    closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


class MustBeUsedBeforeItCloses(FakeChannel):
    used = False

    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        self.used = True
        return super().send(message, targets)

    def close(self) -> None:
        assert self.used


class ShowsItsTokenInItsRepr(FakeChannel):
    def __repr__(self) -> str:
        return f"ShowsItsToken({self._token})"


class ShowsItsTokenInAnError(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        try:
            yield from super().send(message, targets)
        except AlertdError as error:
            raise ChannelMisconfigured(f"{self._token} was not accepted") from error


class ShowsItsTokenInAReceipt(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        for receipt in super().send(message, targets):
            yield receipt._replace(ref=self._token)


class LogsItsToken(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        log.debug("with %s", self._token)
        return super().send(message, targets)


class PrintsItsToken(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        sys.stdout.write(self._token)
        return super().send(message, targets)


class LogsAddresses(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        for target in targets:
            log.info("sending to %s", target.address)
        return super().send(message, targets)


class LogsText(FakeChannel):
    def send(self, message: Message, targets: Sequence[Target], /) -> Iterator[Receipt]:
        log.warning("sending %s", message.text)
        return super().send(message, targets)


class BelievesNobody(FakeChannel):
    def receive(self, callback: Callback, /) -> Reply:
        raise ForgedCallback("no")


class BelievesEverybody(FakeChannel):
    def receive(self, callback: Callback, /) -> Reply:
        return Reply()


class BelievesAnySignature(FakeChannel):
    def receive(self, callback: Callback, /) -> Reply:
        if not callback.headers:
            raise ForgedCallback("unsigned")
        return Reply()


class ProbesByAMessage(FakeChannel):
    def probe(self) -> str:
        far_end = FakeFarEnd(self._settings.folder)
        list(self.send(far_end.message(), far_end.targets(1)))
        return "It answers."


class ProbesNothing(FakeChannel):
    def probe(self) -> str:
        return "All is well."


class SendsItsPreview(FakeChannel):
    def preview(self, message: Message, /) -> Sequence[Part]:
        list(self.send(message, FakeFarEnd(self._settings.folder).targets(1)))
        return super().preview(message)


BROKEN: list[tuple[type[FakeChannel], str, str]] = [
    (TakesTooManyAtOnce, "test_the_batch_size_is_between_1_and_25", ""),
    (LosesAReceipt, "test_each_target_gets_one_receipt", ""),
    (TellsTwice, "test_each_target_gets_one_receipt", ""),
    (SaysItSentAndDidNot, "test_each_target_gets_one_receipt", ""),
    (SpeaksWithoutTargets, "test_no_targets_nothing_heard", ""),
    (StopsAtARefusal, "test_a_refused_target_does_not_spoil_the_others", ""),
    (SaysWhatIsNotItsToSay, "test_a_receipt_says_only_what_a_channel_may_say", ""),
    (MakesANewKeyForEachAttempt, "test_the_key_is_seen_and_stays_the_same_over_attempts", ""),
    (WritesShiftJis, "test_text_arrives_unaltered", "japanese"),
    (DropsEmoji, "test_text_arrives_unaltered", "emoji"),
    (DoublesLineEnds, "test_text_arrives_unaltered", "crlf"),
    (CutsLongText, "test_text_arrives_unaltered", "2,000 characters"),
    (MarksNothing, "test_machines_can_tell_an_exercise_from_an_alert", ""),
    (CarriesEverything, "test_a_status_that_the_section_does_not_carry_is_refused", ""),
    (CancelsLikeAnAlert, "test_a_cancel_is_carried", ""),
    (ForgetsWhatACancelRefersTo, "test_a_cancel_is_carried", ""),
    (FailsTargetsWhenDown, "test_a_far_end_that_is_down_never_fails_a_target", ""),
    (GivesUpForEver, "test_a_far_end_that_comes_back_is_used_again", ""),
    (TakesWrongCredentialsForAnOutage, "test_wrong_credentials_need_a_person", ""),
    (IgnoresUnknownKeys, "test_an_unknown_key_is_refused_by_name_with_a_suggestion", ""),
    (StaysBusyWhenNotReadToTheEnd, "test_a_reader_that_stops_early_leaves_the_channel_usable", ""),
    (ClosesOnlyOnce, "test_closing_twice_is_fine", ""),
    (MustBeUsedBeforeItCloses, "test_closing_what_was_never_used_is_fine", ""),
    (ShowsItsTokenInItsRepr, "test_no_secret_is_shown", ""),
    (ShowsItsTokenInAnError, "test_no_secret_is_shown", ""),
    (ShowsItsTokenInAReceipt, "test_no_secret_is_shown", ""),
    (LogsItsToken, "test_no_secret_is_shown", ""),
    (PrintsItsToken, "test_no_secret_is_shown", ""),
    (LogsAddresses, "test_no_address_and_no_text_is_logged", ""),
    (LogsText, "test_no_address_and_no_text_is_logged", ""),
    (BelievesNobody, "test_a_genuine_callback_is_believed", ""),
    (BelievesEverybody, "test_a_forged_callback_is_refused", ""),
    (BelievesAnySignature, "test_a_forged_callback_is_refused", ""),
    (ProbesByAMessage, "test_a_probe_is_answered_and_heard_by_nobody", ""),
    (ProbesNothing, "test_a_probe_is_answered_and_heard_by_nobody", ""),
    (SendsItsPreview, "test_a_preview_is_heard_by_nobody", ""),
]


@pytest.mark.parametrize(
    ("broken", "claim", "text"), BROKEN, ids=[f"{broken.__name__}-{text}" for broken, _, text in BROKEN]
)
def test_the_claim_meant_for_it_catches_a_broken_channel(
    broken: type[FakeChannel],
    claim: str,
    text: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    contract = type("Broken", (ChannelContract,), {"channel_class": broken})()
    far_end = FakeFarEnd(tmp_path / "far-end")
    known = {
        "far_end": far_end,
        "channel": contract.open(far_end.section()),
        "caplog": caplog,
        "capfd": capfd,
        "text": TEXTS.get(text),
    }
    function = getattr(contract, claim)
    refuted = (AssertionError, pytest.fail.Exception, AlertdError)
    with pytest.raises(refuted) as caught:
        function(**{name: known[name] for name in inspect.signature(function).parameters})
    assert not isinstance(caught.value, WrongInput)


def test_every_claim_has_a_broken_channel_that_it_catches() -> None:
    claims = {name for name in vars(ChannelContract) if name.startswith("test_")}
    assert claims == {claim for _, claim, _ in BROKEN}


@pytest.mark.parametrize(
    "aside", [{"test_no_such_claim": "because"}, {"test_closing_twice_is_fine": " "}, {"channel": "because"}]
)
def test_no_claim_is_put_aside_by_mistake_or_without_a_reason(aside: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="does_not_apply"):
        type("Careless", (ChannelContract,), {"does_not_apply": aside})
