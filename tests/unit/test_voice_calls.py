"""Calls from the channel to simulated households and back as receipts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alertd.channel import Answer, Outcome, Reason
from alertd.demo import telephone_household as households
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_network import TelephoneNetwork
from alertd.errors import ChannelMisconfigured, ChannelUnavailable
from tests.answering_desk import CALLER_ID, SOUND_SECONDS, AnsweringDesk, calling, wait_for_the_end

NUMBER = "+81256000201"
FAST: dict[str, Any] = {"speed": 2000.0, "per_second": 50.0}


def call_once(household, *, faults=None, desk=None, **settings):
    """One call to one household, to its end: first receipt, what is believed, network, desk."""
    network = TelephoneNetwork(rule=households.everybody(household), faults=faults, **FAST)
    with calling(network, desk, **settings) as (channel, desk):
        target = desk.target(NUMBER)
        (receipt,) = channel.send(desk.message, [target])
        desk.receipts[target.key].append(receipt)
        wait_for_the_end(network)
        return receipt, desk.believed(target), network, desk


def played(network):
    return [(entry["seconds"], entry["heard"]) for entry in network.ledger.entries("played")]


def test_a_call_that_is_taken_over_is_accepted_by_its_sid():
    receipt, _, network, _ = call_once(households.UNDERSTANDS)
    assert receipt.outcome is Outcome.ACCEPTED
    assert receipt.ref == network.calls()[0].sid


def test_key_1_acknowledges():
    _, believed, network, _ = call_once(households.UNDERSTANDS)
    assert (believed.outcome, believed.answer) == (Outcome.ACKNOWLEDGED, Answer.UNDERSTOOD)
    assert played(network) == [(SOUND_SECONDS, SOUND_SECONDS)]


@pytest.mark.parametrize(
    ("household", "answer"),
    [
        (households.UNDERSTANDS, Answer.EVACUATING),
        (households.STAYS, Answer.STAYING),
        (households.NEEDS_HELP, Answer.HELP),
    ],
)
def test_the_status_menu_has_an_answer_on_each_key(household, answer):
    _, believed, _, _ = call_once(household, answer_menu="status")
    assert (believed.outcome, believed.answer) == (Outcome.ACKNOWLEDGED, answer)


@pytest.mark.parametrize("household", [households.LISTENS, households.DIAL_PHONE])
def test_listening_to_the_end_without_a_key_is_delivered(household):
    _, believed, network, _ = call_once(household)
    assert believed.outcome is Outcome.DELIVERED
    assert network.outcomes()[NUMBER].heard


def test_hanging_up_during_the_key_menu_is_still_delivered():
    person = replace(households.LISTENS, patience=SOUND_SECONDS + 6)
    _, believed, _, _ = call_once(person)
    assert believed.outcome is Outcome.DELIVERED


def test_hanging_up_early_is_not_delivered():
    _, believed, network, _ = call_once(households.HANGS_UP)
    assert (believed.outcome, believed.reason) == (Outcome.DEFERRED, Reason.HUNG_UP)
    assert played(network)[0][1] < SOUND_SECONDS
    assert not network.outcomes()[NUMBER].heard


def test_key_0_plays_the_sound_once_more():
    _, believed, network, _ = call_once(households.HEARS_AGAIN)
    assert believed.answer is Answer.UNDERSTOOD
    assert played(network) == [(SOUND_SECONDS, SOUND_SECONDS)] * 2


def test_the_sound_is_played_four_times_at_most():
    insatiable = replace(households.HEARS_AGAIN, keys="0" * 20)
    _, believed, network, _ = call_once(insatiable, time_limit=1000)
    assert len(played(network)) == 4
    assert believed.outcome is Outcome.DELIVERED


def test_a_call_ends_at_its_limit_of_time():
    insatiable = replace(households.HEARS_AGAIN, keys="0" * 20)
    _, _, network, _ = call_once(insatiable, time_limit=60)
    assert network.calls()[0].duration == 60


def test_a_key_without_meaning_during_the_sound_starts_it_again():
    cheek = replace(households.UNDERSTANDS, keys="71", interrupts_at=5.0)
    _, believed, network, _ = call_once(cheek)
    assert believed.answer is Answer.UNDERSTOOD
    assert played(network)[-1] == (SOUND_SECONDS, SOUND_SECONDS)


def test_a_key_during_the_sound_is_an_answer():
    quick = replace(households.UNDERSTANDS, interrupts_at=5.0)
    _, believed, _, _ = call_once(quick)
    assert believed.outcome is Outcome.ACKNOWLEDGED


def test_wrong_keys_in_the_menu_come_to_an_end():
    _, believed, network, _ = call_once(replace(households.UNDERSTANDS, keys="9" * 20))
    assert believed.outcome is Outcome.DELIVERED
    assert network.calls()[0].pressed == "999"


@pytest.mark.parametrize(
    ("household", "outcome", "reason"),
    [
        (households.ENGAGED, Outcome.DEFERRED, Reason.BUSY),
        (households.SILENT, Outcome.DEFERRED, Reason.NO_ANSWER),
        (households.DECLINES, Outcome.DEFERRED, Reason.REFUSED),
        (households.DEAD, Outcome.FAILED, Reason.BAD_ADDRESS),
        (households.MACHINE, Outcome.DEFERRED, Reason.MACHINE),
    ],
)
def test_what_did_not_arrive_says_why(household, outcome, reason):
    _, believed, _, _ = call_once(household)
    assert (believed.outcome, believed.reason) == (outcome, reason)


def test_a_machine_gets_the_short_message_after_the_beep():
    _, _, network, desk = call_once(households.MACHINE)
    assert [entry["text"] for entry in network.ledger.entries("said")] == [desk.message.short_text]
    assert played(network) == []


def test_a_machine_that_nobody_detects_is_taken_for_a_person():
    _, believed, _, _ = call_once(households.MACHINE, machine_detection=False)
    assert believed.outcome is Outcome.DELIVERED


def test_a_number_that_the_network_refuses_fails_and_spoils_no_other():
    network = TelephoneNetwork(
        rule=households.everybody(households.LISTENS),
        households={"+81256000202": households.IMPOSSIBLE},
        **FAST,
    )
    with calling(network) as (channel, desk):
        targets = [desk.target(f"+8125600020{n}") for n in (1, 2, 3)]
        said = {receipt.key: receipt for receipt in channel.send(desk.message, targets)}
    refused = said[targets[1].key]
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, Reason.BAD_ADDRESS)
    assert [said[targets[n].key].outcome for n in (0, 2)] == [Outcome.ACCEPTED] * 2


@pytest.mark.parametrize(
    "number", ["+81110", "+81119", "+81990123456", "+81570012345", "+12125550100", "0256000201", CALLER_ID]
)
def test_numbers_that_must_not_be_called_are_refused_without_a_call(number):
    network = TelephoneNetwork(**FAST)
    with calling(network) as (channel, desk):
        (receipt,) = channel.send(desk.message, [desk.target(number)])
    assert (receipt.outcome, receipt.reason) == (Outcome.FAILED, Reason.BAD_ADDRESS)
    assert number not in (receipt.detail or "")
    assert network.calls() == []


def test_a_call_that_nobody_needs_any_more_hangs_up_at_once():
    network = TelephoneNetwork(rule=households.everybody(households.UNDERSTANDS), **FAST)
    with calling(network) as (channel, desk):
        target = desk.target(NUMBER)
        desk.closed.add(target.key)
        list(channel.send(desk.message, [target]))
        wait_for_the_end(network)
    assert network.ledger.entries("played") == []
    assert network.ledger.entries("said") == []


def test_a_delivery_that_closes_during_its_call_lets_the_call_go_on():
    desk = AnsweringDesk(closes_when_delivered=True)
    _, believed, _, _ = call_once(households.UNDERSTANDS, desk=desk)
    assert desk.closed
    assert believed.answer is Answer.UNDERSTOOD


def test_a_sound_that_is_not_there_is_spoken_instead():
    desk = AnsweringDesk(broken={"sound"})
    _, believed, network, _ = call_once(households.UNDERSTANDS, desk=desk)
    assert believed.answer is Answer.UNDERSTOOD
    said = "".join(str(entry["text"]) for entry in network.ledger.entries("said"))
    assert desk.message.text in said


def test_an_answer_that_our_server_cannot_give_is_asked_for_once_more():
    desk = AnsweringDesk(broken={"answer"})
    _, believed, network, _ = call_once(households.LISTENS, desk=desk)
    assert believed.outcome is Outcome.DELIVERED
    assert len(network.ledger.entries("error")) == 1


def test_a_lost_reply_is_in_doubt_and_not_called_twice():
    receipt, _, network, _ = call_once(households.LISTENS, faults=Faults(reply_lost=1.0))
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert len(network.calls()) == 1


def test_a_late_reply_is_in_doubt():
    faults = Faults(reply_late=1.0, reply_late_by=0.6)
    receipt, _, network, _ = call_once(households.LISTENS, faults=faults, timeout=0.2)
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert len(network.calls()) == 1


@pytest.mark.parametrize(("fault", "calls"), [("error_before", 0), ("error_after", 1)])
def test_an_error_of_the_server_is_in_doubt(fault, calls):
    network = TelephoneNetwork(faults=Faults(**{fault: 1.0}), **FAST)
    with calling(network) as (channel, desk):
        (receipt,) = channel.send(desk.message, [desk.target(NUMBER)])
    assert (receipt.outcome, receipt.reason) == (Outcome.UNKNOWN, Reason.IN_DOUBT)
    assert len(network.calls()) == calls


def test_too_many_requests_are_deferred():
    network = TelephoneNetwork(faults=Faults(too_many=1.0), **FAST)
    with calling(network) as (channel, desk):
        (receipt,) = channel.send(desk.message, [desk.target(NUMBER)])
    assert (receipt.outcome, receipt.reason) == (Outcome.DEFERRED, Reason.RATE_LIMITED)


def test_a_wrong_token_stops_the_channel():
    network = TelephoneNetwork(**FAST)
    with calling(network, auth_token="wrong") as (channel, desk):
        with pytest.raises(ChannelMisconfigured, match="auth_token_file"):
            list(channel.send(desk.message, [desk.target(NUMBER)]))
        with pytest.raises(ChannelMisconfigured, match="auth_token_file"):
            channel.probe()


def test_the_receipts_of_calls_already_begun_come_before_the_trouble():
    faults = Faults(reply_late=1.0, reply_late_by=0.3)
    network = TelephoneNetwork(faults=faults, **FAST)
    with calling(network) as (channel, desk):
        bad, *good = [desk.target(f"+8125600020{n}") for n in range(3)]
        bad = bad._replace(answer_url="nowhere")
        receipts = []
        with pytest.raises(ChannelMisconfigured, match="public URL"):
            for receipt in channel.send(desk.message, [*good, bad]):
                receipts.append(receipt)
        assert {receipt.key for receipt in receipts} == {target.key for target in good}


def test_after_trouble_no_further_call_is_begun():
    network = TelephoneNetwork(**FAST)
    with calling(network, lines=1, auth_token="wrong") as (channel, desk):
        targets = [desk.target(f"+812560002{n:02}") for n in range(25)]
        with pytest.raises(ChannelMisconfigured):
            list(channel.send(desk.message, targets))
    assert len(network.ledger.entries("refused")) < 5


def test_a_caller_id_that_is_not_ours_stops_the_channel():
    network = TelephoneNetwork(callers=frozenset({"+81256009999"}), **FAST)
    with calling(network) as (channel, desk), pytest.raises(ChannelMisconfigured, match="caller_id"):
        list(channel.send(desk.message, [desk.target(NUMBER)]))


def test_a_network_that_is_gone_is_unavailable_and_used_again_when_back():
    network = TelephoneNetwork(**FAST)
    with calling(network) as (channel, desk):
        list(channel.send(desk.message, [desk.target(NUMBER)]))
        network.stop()
        with pytest.raises(ChannelUnavailable):
            list(channel.send(desk.message, [desk.target(NUMBER)]))
        network.start()
        (receipt,) = channel.send(desk.message, [desk.target(NUMBER)])
        assert receipt.outcome is Outcome.ACCEPTED


def test_every_target_gets_its_own_call_when_many_are_placed_at_once():
    network = TelephoneNetwork(rule=households.everybody(households.SILENT), speed=1.0, per_second=1000)
    with calling(network, lines=25) as (channel, desk):
        targets = [desk.target(f"+812560003{n:02}") for n in range(25)]
        receipts = list(channel.send(desk.message, targets))
        for target in targets:
            (call,) = network.calls(target.address)
            assert [receipt.ref for receipt in receipts if receipt.key == target.key] == [call.sid]


def test_a_language_without_call_words_stops_before_anybody_is_called():
    network = TelephoneNetwork(**FAST)
    with calling(network) as (channel, desk), pytest.raises(ChannelMisconfigured, match='"vi"'):
        list(channel.send(replace(desk.message, language="vi"), [desk.target(NUMBER)]))
    assert network.calls() == []


def test_a_probe_names_the_account():
    network = TelephoneNetwork(**FAST)
    with calling(network) as (channel, _):
        assert "Simulated telephone network" in channel.probe()


def test_the_callbacks_may_come_repeated_shuffled_and_beside_false_ones():
    faults = Faults(callback_repeated=0.5, callback_late=0.5, callback_late_by=0.1, callback_forged=0.5)
    network = TelephoneNetwork(seed=7, faults=faults, **FAST)
    with calling(network) as (channel, desk):
        targets = [desk.target(f"+812560004{n:02}") for n in range(20)]
        list(channel.send(desk.message, targets))
        wait_for_the_end(network)
        truth = network.outcomes()
        assert desk.forged > 0
        for target in targets:
            (call,) = network.calls(target.address)
            believed, really = desk.believed(target), truth[target.address]
            if "1" in really.pressed:
                assert believed.outcome is Outcome.ACKNOWLEDGED
            elif really.heard:
                assert believed.outcome is Outcome.DELIVERED
            else:
                expected = Outcome.FAILED if call.sip == "404" else Outcome.DEFERRED
                assert believed.outcome is expected, really
