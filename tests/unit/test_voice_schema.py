"""What goes to Twilio, and what the simulation answers, against Twilio's own description."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from alertd.demo import telephone_household as households
from alertd.demo.telephone_api import _resource
from alertd.demo.telephone_network import ACCOUNT_SID, TelephoneNetwork
from tests.answering_desk import calling

DESCRIPTION = Path(__file__).parents[3] / "shared" / "data" / "twilio" / "calls_strict.json"
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"


@pytest.fixture(scope="module")
def description():
    if not DESCRIPTION.exists():
        pytest.skip(f"Twilio's description of its API is not there: {DESCRIPTION.name}")
    return json.loads(DESCRIPTION.read_text())


@pytest.fixture(scope="module")
def call():
    network = TelephoneNetwork(rule=households.everybody(households.SILENT), speed=1.0)
    with calling(network) as (channel, desk):
        list(channel.send(desk.message, [desk.target("+81256000701")]))
        return network.calls()[0]


def violations(schema, value):
    """What a form field has against its schema."""
    if schema["type"] == "integer":
        if not value.isdecimal():
            return ["no whole number"]
        if not schema.get("minimum", 0) <= int(value) <= schema.get("maximum", int(value)):
            return ["out of range"]
    if "enum" in schema and value not in schema["enum"]:
        return ["not in the enumeration"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return ["does not match the pattern"]
    return []


def test_every_field_of_a_new_call_is_one_that_twilio_knows_and_accepts(description, call):
    form = description["paths"][CALLS]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    fields = form["schema"]["properties"]
    sent = {name: value for name, value in call.wishes.items() if name != "StatusCallbackEvent"}
    assert set(call.wishes) <= set(fields)
    assert {name: violations(fields[name], value) for name, value in sent.items()} == {
        name: [] for name in sent
    }
    known = fields["StatusCallbackEvent"]["items"]["enum"]
    assert set(call.events) == set(known)


def test_the_simulated_call_has_the_fields_and_states_of_twilios(description, call):
    schemas = description["components"]["schemas"]
    fields = schemas["api.v2010.account.call"]["properties"]
    resource = _resource(call, ACCOUNT_SID)
    assert set(resource) <= set(fields)
    assert set(fields) <= set(resource)
    assert resource["status"] in schemas["call_enum_status"]["enum"]
