"""The maintenance mode from the command line."""

from __future__ import annotations

import json

from tests.cli.conftest import PASSWORD, Alertd


def test_an_administrator_begins_it_and_two_people_end_it(alertd: Alertd):
    for name, role in (("管理", "administer"), ("承認", "approve"), ("配信", "send")):
        alertd("operator", "add", name, "--role", role, typed=f"{PASSWORD}\n")

    def maintenance(deed: str, *more: str, name: str) -> str:
        return alertd("maintenance", deed, *more, "--as", name, typed=f"{PASSWORD}\n").err

    assert "is needed" in maintenance("begin", "--reason", "点検", name="承認")
    assert "at most 8 hours" in maintenance("begin", "--reason", "点検", "--hours", "9", name="管理")
    assert "maintenance for 3 h" in maintenance(
        "begin", "--reason", "受信機の交換", "--hours", "3", name="管理"
    )
    held = json.loads(alertd("maintenance", "show", "--json").out)
    assert (held["scope"], held["by"], held["reason"]) == ("maintenance", "管理", "受信機の交換")
    probed = alertd("channel", "probe", "mail", "--json")
    assert probed.code == 1 and "maintenance" in json.loads(probed.out)[0]["message"]
    assert "goes on until another" in maintenance("end", name="承認")
    assert "is over" in maintenance("end", name="配信")
    assert json.loads(alertd("maintenance", "show", "--json").out) is None
    assert alertd("maintenance", "begin", "--reason", "x").code == 2


def test_who_approves_meanwhile_is_told_that_it_does_not_go_out(city: Alertd):
    city("operator", "add", "管理", "--role", "administer", typed=f"{PASSWORD}\n")
    city("maintenance", "begin", "--reason", "受信機の交換", "--as", "管理", typed=f"{PASSWORD}\n")
    words = ("--template", "flood-4", "--set", "river=五十嵐川", "--set", "shelters=第一中学校")
    sent = city("alert", "send", *words, "--everybody", "--as", "起案", typed=f"{PASSWORD}\n")
    number = sent.out.split()[-1]
    done = city("alert", "approve", number, "--as", "承認", typed=f"{PASSWORD}\n")
    assert done.code == 0 and "IT DOES NOT GO OUT YET: maintenance" in done.err and "受信機の交換" in done.err
