"""The freeze from the command line: one person sets it, two lift it, and the doctor says that it holds."""

from __future__ import annotations

import json

from tests.cli.conftest import PASSWORD, Alertd


def test_one_person_freezes_and_two_lift_it(alertd: Alertd):
    for name, role in (("起案", "draft"), ("承認", "approve"), ("配信", "send")):
        alertd("operator", "add", name, "--role", role, typed=f"{PASSWORD}\n")

    def lift(name: str) -> str:
        return alertd("freeze", "lift", "--as", name, typed=f"{PASSWORD}\n").err

    done = alertd("freeze", "set", "--reason", "誤配信の疑い", "--as", "起案", typed=f"{PASSWORD}\n")
    assert done.code == 0 and "everything: frozen" in done.err
    (held,) = json.loads(alertd("freeze", "show", "--json").out)
    assert (held["scope"], held["by"], held["reason"]) == ("everything", "起案", "誤配信の疑い")
    sick = {sign["what"]: sign for sign in json.loads(alertd("doctor", "--json").out)}
    assert sick["freeze"]["grade"] == "ill" and "alertd freeze lift" in sick["freeze"]["remedy"]
    assert "may not lift" in lift("起案")
    assert "stays frozen" in lift("承認") and "stays frozen" in lift("承認")
    assert "承認" in alertd("freeze", "show").out
    assert "goes on" in lift("配信")
    assert alertd("freeze", "show").out == ""


def test_without_a_name_or_a_reason_it_is_wrong_use(alertd: Alertd):
    assert alertd("freeze", "set", "--reason", "x").code == 2
    assert alertd("freeze", "set", "--as", "起案").code == 2
    assert alertd("freeze", "lift").code == 2
