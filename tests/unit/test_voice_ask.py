"""What the channel learns when it asks the telephone network about a call."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.channel import Inquiry, Outcome, Reason
from alertd.clock import SystemClock
from alertd.demo import telephone_household as households
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from tests.answering_desk import MESSAGE, calling, wait_for_the_end

NUMBER = "+81256000301"
FAST: dict[str, Any] = {"speed": 2000.0, "per_second": 50.0}
LONG = timedelta(seconds=121)


@contextmanager
def doubtful(household, *, finished=True, faults=None, **settings):
    """A call that may have been placed, and a question about it: channel, ask, network."""
    speed = FAST if finished else {"speed": 1.0, "per_second": 50.0}
    network = TelephoneNetwork(rule=households.everybody(household), faults=faults, **speed)
    with calling(network, **settings) as (channel, desk):
        target = desk.target(NUMBER)
        handed_at = SystemClock().now()
        (receipt,) = channel.send(desk.message, [target])
        if finished:
            wait_for_the_end(network)

        def ask(after=timedelta(seconds=1), ref=receipt.ref, message=desk.message, number=NUMBER):
            return channel.ask(
                Inquiry(
                    target=target._replace(address=number),
                    ref=ref,
                    handed_at=handed_at,
                    asked_at=handed_at + after,
                    message=message,
                )
            )

        yield channel, ask, network


@pytest.mark.parametrize("known", [True, False], ids=["by SID", "by number and time"])
@pytest.mark.parametrize(
    ("household", "outcome", "reason"),
    [
        (households.LISTENS, Outcome.DELIVERED, None),
        (households.HANGS_UP, Outcome.DEFERRED, Reason.HUNG_UP),
        (households.ENGAGED, Outcome.DEFERRED, Reason.BUSY),
        (households.SILENT, Outcome.DEFERRED, Reason.NO_ANSWER),
        (households.MACHINE, Outcome.DEFERRED, Reason.MACHINE),
        (households.DEAD, Outcome.DEFERRED, Reason.UNREACHABLE),
    ],
)
def test_the_end_of_a_call_is_learnt_without_any_callback(household, outcome, reason, known):
    faults = Faults(callback_dropped=1.0, reply_lost=0.0 if known else 1.0)
    with doubtful(household, faults=faults) as (_, ask, network):
        receipt = ask()
        assert (receipt.outcome, receipt.reason) == (outcome, reason)
        assert receipt.ref == network.calls()[0].sid


def test_a_call_under_way_is_accepted():
    with doubtful(households.SILENT, finished=False, faults=Faults(reply_lost=1.0)) as (_, ask, network):
        receipt = ask()
        assert (receipt.outcome, receipt.ref) == (Outcome.ACCEPTED, network.calls()[0].sid)


def test_a_call_that_cannot_be_found_is_looked_for_before_it_is_given_up():
    with doubtful(households.LISTENS, faults=Faults(error_before=1.0)) as (_, ask, _):
        assert ask(timedelta(seconds=119)).outcome is Outcome.ACCEPTED
        assert ask(timedelta(seconds=120)) is None


def test_a_call_to_another_number_or_of_another_time_is_not_ours():
    with doubtful(households.LISTENS, faults=Faults(reply_lost=1.0)) as (_, ask, network):
        assert ask(LONG, number="+81256000302") is None
        (call,) = network.calls()
        for away in (timedelta(seconds=-7), timedelta(seconds=122)):
            created_at, call.created_at = call.created_at, call.created_at + away
            assert ask(LONG) is None
            call.created_at = created_at
        assert ask(LONG) is not None


def test_a_call_from_another_caller_is_not_ours():
    with doubtful(households.LISTENS, faults=Faults(reply_lost=1.0)) as (_, ask, network):
        network.calls()[0].from_ = "+81256000199"
        assert ask(LONG) is None


def test_the_only_call_is_found_beyond_the_first_page():
    with doubtful(households.LISTENS, faults=Faults(reply_lost=1.0)) as (_, ask, network):
        (ours,) = network.calls(NUMBER)
        later = [replace(ours, sid=f"CA{n:032x}", from_="+81256000199") for n in range(60)]
        network._by_number[NUMBER].extend(later)
        assert ask(LONG).ref == ours.sid


def test_a_long_call_without_a_sound_proves_nothing():
    with doubtful(households.LISTENS) as (_, ask, _):
        receipt = ask(message=replace(MESSAGE, audio=None))
        assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.HUNG_UP)


def test_a_sid_that_the_network_has_forgotten_is_for_a_person():
    with doubtful(households.LISTENS) as (_, ask, _):
        assert ask(ref="CA" + "0" * 32).outcome is Outcome.ACCEPTED
        assert ask(LONG, ref="CA" + "0" * 32).outcome is Outcome.UNKNOWN


def test_a_network_that_is_gone_answers_no_question():
    with doubtful(households.LISTENS) as (_, ask, network):
        network.stop()
        for ref in (None, network.calls()[0].sid):
            with pytest.raises(ChannelUnavailable):
                ask(LONG, ref=ref)


def test_a_wrong_token_gets_no_answer():
    with doubtful(households.LISTENS) as (_, ask, network):
        network.auth_token = "changed"
        for ref in (None, network.calls()[0].sid):
            with pytest.raises(ChannelMisconfigured):
                ask(LONG, ref=ref)
