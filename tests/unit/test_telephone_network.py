"""The simulated telephone network keeps Twilio's word, and tells the truth about its calls."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
import urllib3
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from alertd.clock import stopwatch
from alertd.demo import telephone_household as households
from alertd.demo.telephone_callbacks import signature
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_ledger import Ledger
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN, TelephoneNetwork
from alertd.demo.telephone_twiml import WrongDocument, parse, seconds_of
from tests.answering_desk import calling, wait_for_the_end, wav

FAST: dict[str, Any] = {"speed": 2000.0, "per_second": 50.0}
CALL = {"to": "+81256000501", "from_": "+81256000110", "url": "http://127.0.0.1:9/nobody"}


@pytest.fixture
def network():
    with TelephoneNetwork(rule=households.everybody(households.SILENT), speed=1.0) as network:
        yield network


@pytest.fixture
def client(network):
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = network.url
    yield client
    client.http_client.session.close()


def test_a_call_is_created_fetched_listed_and_ended(client):
    call = client.calls.create(**CALL, timeout=30)
    assert (call.status, call.to, call._from) == ("queued", CALL["to"], CALL["from_"])
    assert client.calls(call.sid).fetch().sid == call.sid
    assert [one.sid for one in client.calls.list(to=CALL["to"])] == [call.sid]
    assert client.calls.list(to="+81256000599") == []
    assert client.calls(call.sid).update(status="canceled").status == "canceled"
    assert [one.sid for one in client.calls.list(status="canceled")] == [call.sid]


def test_a_list_has_pages_newest_first(client):
    sids = [client.calls.create(**CALL).sid for _ in range(5)]
    assert [call.sid for call in client.calls.list(page_size=2)] == sids[::-1]


def test_the_account_can_be_fetched(client):
    account = client.api.v2010.accounts(ACCOUNT_SID).fetch()
    assert (account.status, account.friendly_name) == ("active", "Simulated telephone network")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "0256345511"}, 21211),
        ({"from_": ""}, 21213),
        ({"url": "nowhere"}, 21205),
        ({"timeout": 700}, 20001),
        ({"status_callback_event": ["answered", "danced"]}, 21626),
    ],
)
def test_what_twilio_refuses_is_refused_with_its_code(client, changes, code):
    with pytest.raises(TwilioRestException) as caught:
        client.calls.create(**(CALL | changes))
    assert (caught.value.status, caught.value.code) == (400, code)


def test_a_wrong_token_and_an_unknown_call_are_refused(network, client):
    stranger = Client(ACCOUNT_SID, "wrong")
    stranger.api.base_url = network.url
    with pytest.raises(TwilioRestException) as caught:
        stranger.calls.create(**CALL)
    stranger.http_client.session.close()
    assert (caught.value.status, caught.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as missing:
        client.calls("CA" + "0" * 32).fetch()
    assert missing.value.status == 404
    assert network.calls() == []


def test_every_reply_says_that_it_is_simulated(network):
    reply = urllib3.request("GET", network.url + "/")
    assert "simulated" in reply.headers["Server"]


def test_the_signature_is_the_one_that_the_official_library_computes():
    url, form = "https://alert.example.jp/cb?a=1&b=%E4%B8%89", {"To": "+81256000501", "B": "", "A": "三条"}
    assert signature("token", url, form) == RequestValidator("token").compute_signature(url, form)


def test_calls_leave_the_queue_at_the_rate_of_the_account():
    network = TelephoneNetwork(rule=households.everybody(households.DEAD), speed=10.0, per_second=2.0)
    with calling(network) as (channel, desk):
        began = stopwatch()
        list(channel.send(desk.message, [desk.target(f"+812560006{n:02}") for n in range(11)]))
        wait_for_the_end(network)
        # the eleventh leaves after 5 simulated seconds
        assert stopwatch() - began >= 0.5
    assert max(call.queue_ms for call in network.calls()) > 0


def test_a_line_that_is_engaged_first_is_free_the_next_time():
    network = TelephoneNetwork(rule=households.everybody(households.ENGAGED_FIRST), **FAST)
    with calling(network) as (channel, desk):
        for attempt in (1, 2):
            list(channel.send(desk.message, [desk.target("+81256000502", attempt=attempt)]))
            wait_for_the_end(network)
    assert [call.state for call in network.calls()] == ["busy", "completed"]


def test_the_same_seed_gives_the_same_city():
    numbers = [f"+8125600{n:04}" for n in range(500)]
    cities = [[households.city(seed)(number).behaviour for number in numbers] for seed in (1, 1, 2)]
    assert cities[0] == cities[1] != cities[2]
    assert len(Counter(cities[0])) >= 10


def test_the_ground_truth_counts_calls_keys_and_what_was_heard():
    people = {
        "+81256000511": households.UNDERSTANDS,
        "+81256000512": households.HANGS_UP,
        "+81256000513": households.MACHINE,
    }
    network = TelephoneNetwork(households=people, **FAST)
    with calling(network) as (channel, desk):
        list(channel.send(desk.message, [desk.target(number) for number in people]))
        wait_for_the_end(network)
        page = urllib3.request(
            "GET",
            f"{network.url}/simulation/outcomes",
            headers=urllib3.make_headers(basic_auth=f"{ACCOUNT_SID}:{AUTH_TOKEN}"),
        ).json()
    understands, hangs_up, machine = (network.outcomes()[number] for number in people)
    assert (understands.calls, understands.pressed, understands.heard) == (1, "1", True)
    assert (hangs_up.answered, hangs_up.heard, hangs_up.state) == (1, False, "completed")
    assert (machine.machine, machine.heard) == (True, False)
    assert page["+81256000511"]["pressed"] == "1"


def test_the_ledger_is_written_to_its_file_as_it_happens(tmp_path):
    ledger = Ledger(tmp_path / "calls.jsonl")
    network = TelephoneNetwork(rule=households.everybody(households.UNDERSTANDS), ledger=ledger, **FAST)
    with calling(network) as (channel, desk):
        list(channel.send(desk.message, [desk.target("+81256000503")]))
        wait_for_the_end(network)
        events = [json.loads(line)["event"] for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    ledger.close()
    assert [event for event in events if event != "callback"] == [
        "created",
        "answered",
        "played",
        "said",
        "key",
        "said",
        "ended",
    ]


def test_dropped_callbacks_are_in_the_ledger_and_nowhere_else():
    faults = Faults(callback_dropped=1.0)
    network = TelephoneNetwork(rule=households.everybody(households.ENGAGED), faults=faults, **FAST)
    with calling(network) as (channel, desk):
        list(channel.send(desk.message, [desk.target("+81256000504")]))
        wait_for_the_end(network)
    assert len(network.ledger.entries("callback dropped")) == 2
    assert network.ledger.entries("callback") == []
    assert dict(desk.receipts) == {}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Response",
        b"<Say>x</Say>",
        b"<Response><Dial>110</Dial></Response>",
        b"<Response><Say></Say></Response>",
        b"<Response><Say>" + b"x" * 5000 + b"</Say></Response>",
        b'<Response><Gather numDigits="1"><Redirect>x</Redirect></Gather></Response>',
    ],
)
def test_a_wrong_document_is_not_carried_out(document):
    with pytest.raises(WrongDocument):
        parse(document)


def test_the_length_of_a_sound_is_read_from_its_bytes():
    assert seconds_of(wav(2.5)) == 2.5
    for wrong in (b"", b"ID3" + bytes(100), wav(1.0)[:-10], wav(0.0)):
        with pytest.raises(WrongDocument):
            seconds_of(wrong)


def test_it_runs_as_a_process_and_ends_on_sigterm(tmp_path):
    command = [sys.executable, "-m", "alertd.demo.telephone_network", "--speed", "50"]
    command += ["--ledger", str(tmp_path / "calls.jsonl"), "--fault", "reply_lost=0.5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulated telephone network on http://127.0.0.1:")
        assert "reply_lost 0.5" in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
