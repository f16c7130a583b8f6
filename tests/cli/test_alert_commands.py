"""`alertd alert`: nothing skips approval, and what was sent is told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyotp
import pytest

from alertd import config, plan
from alertd.demo.smtp_server import SimulatedSmtpServer
from alertd.relay import Relay
from alertd.send import drain
from alertd.site import Site
from tests.cli.conftest import PASSWORD, Alertd, Done

SEND = ("alert", "send", "--template", "flood-4", "--set", "river=五十嵐川", "--area", "嵐南")


def dispatch(folder: Path) -> None:
    """What relay and worker do, once."""
    site = Site.open(config.load(folder / "alertd.toml"))
    try:
        plan.plan(site, 1)
        drain(site, "mail", threading.Event())
        Relay(site, None).tick()
    finally:
        site.close()


def test_a_drill_goes_out_when_a_second_person_has_approved_it(
    city: Alertd, tmp_path: Path, mail_server: SimulatedSmtpServer
):
    sent = city(*SEND, "--exercise")
    assert (sent.code, sent.out) == (0, "1\n")
    assert json.loads(city("alert", "show", "1", "--json").out)["state"] == "submitted"
    dispatch(tmp_path)
    assert not mail_server.mails

    approved = city("alert", "approve", "1", "--as", "承認", typed=f"{PASSWORD}\n")
    assert approved.code == 0
    assert "【訓練】" in approved.err  # what is approved was shown
    dispatch(tmp_path)
    assert [mail.recipient for mail in mail_server.mails] == ["taro@example.jp"]
    shown = json.loads(city("alert", "show", "1", "--json").out)
    assert shown["status"] == "Exercise"
    assert shown["state"] == "finished"
    assert shown["planned"] == shown["channels"]["mail"]["planned"] == 1
    assert shown["channels"]["mail"]["accepted"] == 1
    assert shown["first_at"] and shown["finished_at"]
    assert "受付" in city("alert", "show", "1").out


def test_approving_needs_the_password_of_somebody_who_may(city: Alertd):
    city(*SEND, "--exercise")
    for name, typed, said in (
        ("承認", "wrong\n", "no operator “承認” has this password"),
        ("承認", "", "no operator “承認” has this password"),
        ("起案", f"{PASSWORD}\n", "the role approve is needed"),
    ):
        done = city("alert", "approve", "1", "--as", name, typed=typed)
        assert done.code == 1
        assert said in done.err
    assert json.loads(city("alert", "show", "1", "--json").out)["state"] == "submitted"


def test_who_submitted_cannot_approve(city: Alertd):
    city("operator", "role", "起案", "--role", "draft", "--role", "approve")
    assert city(*SEND, "--as", "起案", typed=f"{PASSWORD}\n").code == 0
    done = city("alert", "approve", "1", "--as", "起案", typed=f"{PASSWORD}\n")
    assert done.code == 1
    assert "another person must approve it" in done.err


def test_an_actual_alert_needs_an_operator_with_a_password(city: Alertd):
    nobody = city(*SEND)
    assert nobody.code == 1
    assert "--as NAME" in nobody.err
    assert city(*SEND, "--as", "起案", typed="wrong\n").code == 1
    assert json.loads(city("alert", "list", "--json").out) == []


def test_a_second_real_alert_of_the_kind_says_whether_it_is_an_update_or_new(city: Alertd, tmp_path: Path):
    def real(*more: str) -> Done:
        return city(*SEND, "--as", "起案", *more, typed=f"{PASSWORD}\n")

    assert real().code == 0
    asked = real()
    assert asked.code == 1 and "--update-of" in asked.err and "--new-because" in asked.err
    early = real("--update-of", "1")
    assert early.code == 1 and "that went out" in early.err, "the first one waits for approval"
    assert city("alert", "approve", "1", "--as", "承認", typed=f"{PASSWORD}\n").code == 0
    dispatch(tmp_path)
    assert real("--update-of", "1").code == 0
    new = real("--new-because", "別の堤防で越水した")
    assert new.code == 0
    shown = city("alert", "approve", new.out.strip(), "--as", "承認", typed="wrong\n")
    assert "別の堤防で越水した" in shown.err, "whoever approves reads the reason"
    assert real("--update-of", "1", "--new-because", "両方").code == 2


def test_one_real_alert_too_many_in_an_hour_needs_who_administers(city: Alertd, tmp_path: Path):
    with (tmp_path / "alertd.toml").open("a") as file:
        file.write("[approval]\nreal_per_hour = 1\n")
    city("operator", "add", "管理", "--role", "administer", typed=f"{PASSWORD}\n")
    for why in ((), ("--new-because", "別の堤防で越水した")):
        city(*SEND, "--as", "起案", *why, typed=f"{PASSWORD}\n")
        done = city("alert", "approve", "1" if not why else "3", "--as", "承認", typed=f"{PASSWORD}\n")
    assert done.code == 1 and "somebody with the role administer" in done.err
    assert city("alert", "permit", "3", "--as", "承認", typed=f"{PASSWORD}\n").code == 1
    assert city("alert", "permit", "3", "--as", "管理", typed=f"{PASSWORD}\n").code == 0
    assert city("alert", "approve", "3", "--as", "承認", typed=f"{PASSWORD}\n").code == 0


def test_a_blank_that_was_left_is_named_in_both_languages(city: Alertd):
    done = city("alert", "send", "--template", "flood-4", "--area", "嵐南", "--exercise")
    assert done.code == 1
    assert "river" in done.err
    assert "川の名前" in done.err


def test_an_audience_of_nobody_is_refused(city: Alertd):
    done = city(*SEND[:-1], "大島", "--exercise")
    assert done.code == 1
    assert "nobody would be reached" in done.err


def test_cancelling_stops_what_waits(city: Alertd):
    city(*SEND, "--exercise")
    done = city("alert", "cancel", "1", "--no-correct", "--reason", "誤り", "--json")
    assert done.code == 0
    assert json.loads(done.out)["state"] == "cancelled"
    again = city("alert", "cancel", "1")
    assert again.code == 1
    assert "cannot be moved" in again.err


def test_a_cap_file_of_others_is_sent_as_a_drill_of_ours(city: Alertd, shared_data: Path):
    files = sorted((shared_data / "cap" / "valid").glob("*.xml"))
    assert files
    for file in files[:3]:
        done = city("alert", "send", str(file), "--everybody", "--channel", "mail", "--exercise", "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["status"] == "Exercise"


def test_a_cap_file_that_explodes_is_refused_at_once(city: Alertd, tmp_path: Path):
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    (tmp_path / "bomb.xml").write_text(
        f'<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY a0 "boom">{entities}]>'
        '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&a9;</identifier></alert>'
    )
    began = time.process_time()
    done = city("alert", "send", "bomb.xml", "--everybody", "--exercise")
    assert done.code == 1
    assert "document type" in done.err
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("file", ["nowhere.xml", "."])
def test_a_file_that_cannot_be_read_is_named(city: Alertd, file: str):
    done = city("alert", "send", file, "--everybody", "--exercise")
    assert done.code == 1
    assert f"cannot read {file}" in done.err


def test_a_reading_typed_for_one_alert_is_kept_with_it_and_a_wrong_one_is_wrong_use(city: Alertd):
    wrong = city(*SEND, "--exercise", "--reading", "五十嵐川=ikarashi")
    assert wrong.code == 2 and "hiragana or katakana" in wrong.err
    stranger = city(*SEND, "--exercise", "--reading", "見附=みつけ")
    assert stranger.code == 1 and "does not say 見附" in stranger.err
    assert city(*SEND, "--exercise", "--reading", "五十嵐川=いからしがわ").code == 0


def test_a_bad_document_is_answered_before_anything_of_the_database_is_loaded():
    looked = "import sys, alertd.cli.alert; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_who_has_a_device_approves_with_its_code_and_a_lost_one_is_forgotten(city: Alertd, monkeypatch):
    secret = pyotp.random_base32()
    monkeypatch.setattr("alertd.second_factor.new_secret", lambda: secret)
    device = pyotp.TOTP(secret)
    city(*SEND, "--exercise")
    refused = city("operator", "second-factor", "承認", typed="000000\n")
    assert refused.code == 1 and "does not fit" in refused.err
    before = device.at(int(time.time()) - 30)
    done = city("operator", "second-factor", "承認", typed=f"{before}\n")
    assert done.code == 0 and secret in done.err

    approve = ("alert", "approve", "1", "--as", "承認")
    assert city(*approve, typed=f"{PASSWORD}\n000000\n").code == 1
    assert city("operator", "second-factor", "承認", "--remove").code == 0
    assert city(*approve, typed=f"{PASSWORD}\n").code == 0


def test_one_channel_goes_to_other_areas_and_the_approver_reads_why(city: Alertd):
    refused = city(*SEND, "--area-for", "mail=all", "--exercise")
    assert refused.code == 2 and "say why" in refused.err
    assert city(*SEND, "--area-for", "mail=どこか", "--reason", "x", "--exercise").code == 2
    assert city(*SEND, "--area-for", "mail", "--reason", "x", "--exercise").code == 2
    sent = city(*SEND, "--area-for", "mail=all", "--reason", "広域避難に備える", "--exercise")
    assert sent.code == 0, sent.err
    shown = city("alert", "approve", "1", "--as", "承認", typed=f"{PASSWORD}\n").err
    assert "OTHER AREAS: mail goes to 全域 the whole city: 広域避難に備える" in shown
