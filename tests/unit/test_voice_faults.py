"""A telephone network that loses, repeats, delays and forges: no call twice, no wrong end."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from alertd.channel import Inquiry, Outcome, Reason
from alertd.clock import SystemClock
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_network import TelephoneNetwork
from tests.answering_desk import calling, wait_for_the_end

FAULTS = Faults(
    reply_lost=0.1,
    error_before=0.1,
    error_after=0.1,
    too_many=0.1,
    callback_dropped=0.2,
    callback_repeated=0.2,
    callback_late=0.3,
    callback_late_by=0.2,
    callback_forged=0.1,
)
CALLS, SEED, MOST_ATTEMPTS = 200, 20261123, 12
FINAL = (Outcome.DEFERRED, Outcome.FAILED, Outcome.DELIVERED, Outcome.ACKNOWLEDGED)


def expected(call, truth):
    """What should be believed of a number with one call."""
    if "1" in truth.pressed:
        return [(Outcome.ACKNOWLEDGED, None)]
    if truth.heard:
        return [(Outcome.DELIVERED, None)]
    if truth.machine:
        return [(Outcome.DEFERRED, Reason.MACHINE)]
    if call.state == "failed":
        # the Call resource, unlike the callback, does not say why
        by_callback = (Outcome.FAILED, Reason.BAD_ADDRESS) if call.sip == "404" else None
        declined = (Outcome.DEFERRED, Reason.REFUSED)
        return [by_callback or declined, (Outcome.DEFERRED, Reason.UNREACHABLE)]
    reason = {"busy": Reason.BUSY, "no-answer": Reason.NO_ANSWER, "completed": Reason.HUNG_UP}[call.state]
    return [(Outcome.DEFERRED, reason)]


def place(channel, desk, numbers):
    """Every number's call, each asked about when in doubt and repeated only when surely absent."""
    waiting, attempt, handed = list(numbers), 1, {}
    while waiting:
        assert attempt <= MOST_ATTEMPTS
        targets = {desk.target(number, attempt=attempt).key: number for number in waiting}
        waiting = []
        for group in range(0, len(targets), 25):
            keys = list(targets)[group : group + 25]
            at = SystemClock().now()
            for receipt in channel.send(desk.message, [desk.targets[key] for key in keys]):
                number = targets[receipt.key]
                if receipt.outcome is Outcome.UNKNOWN:
                    receipt = channel.ask(question(desk, receipt.key, None, at))
                if receipt is None or receipt.reason is Reason.RATE_LIMITED:
                    waiting.append(number)
                    continue
                desk.receipts[receipt.key].append(receipt)
                handed[number] = (receipt.key, receipt.ref, at)
        attempt += 1
    return handed


def question(desk, key, ref, handed_at):
    return Inquiry(
        target=desk.targets[key],
        ref=ref,
        handed_at=handed_at,
        asked_at=handed_at + timedelta(seconds=301),
        message=desk.message,
    )


def test_no_call_is_placed_twice_and_every_end_is_known_and_right():
    network = TelephoneNetwork(seed=SEED, faults=FAULTS, speed=4000.0, per_second=1.0)
    numbers = [f"+8125600{n:04}" for n in range(1000, 1000 + CALLS)]
    with calling(network) as (channel, desk):
        handed = place(channel, desk, numbers)
        wait_for_the_end(network)
        for key, ref, at in handed.values():
            if desk.believed(desk.targets[key]).outcome not in FINAL:
                learnt = channel.ask(question(desk, key, ref, at))
                assert learnt is not None
                desk.receipts[key].append(learnt)
        truth = network.outcomes()
        wrong = {}
        for number in numbers:
            believed = desk.believed(desk.targets[handed[number][0]])
            (call,) = network.calls(number)
            if (believed.outcome, believed.reason) not in expected(call, truth[number]):
                wrong[number] = (believed, truth[number])
        assert wrong == {}, f"seed {SEED}"
        assert desk.forged > 0
        assert network.ledger.entries("callback dropped")
    attempts = {parse_qs(urlsplit(call.wishes["Url"]).query)["attempt"][0] for call in network.calls()}
    assert len(attempts) > 1, "no fault made a second attempt necessary: the test proves nothing"
