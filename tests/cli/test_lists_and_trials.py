"""The printed call list and the trial call, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import PASSWORD, Alertd

FORM = (
    "受付番号,氏名,フリガナ,電話番号,住所,地区,自治会,要支援者,代理人氏名,代理人電話,続柄\n"
    "1,三条ハナ,サンジョウ ハナ,0256-00-0001,本町1-2,嵐南,本町一丁目自治会,1,三条花子,090-0000-0001,長女\n"
    "2,燕太郎,ツバメ タロウ,0256-00-0002,井栗3,井栗,,0,,,\n"
)


@pytest.fixture
def town(alertd: Alertd, tmp_path: Path) -> Alertd:
    """Two people with telephones, a clerk, and a telephone section that nothing answers."""
    (tmp_path / "token").write_text("t")
    with (tmp_path / "alertd.toml").open("a") as file:
        file.write(
            """
            [channels.phone]
            kind = "voice"
            api_url = "http://127.0.0.1:9"
            account_sid = "AC51515151515151515151515151515151"
            auth_token_file = "token"
            caller_id = "+81256000100"
            quiet_hours = []
            carries = ["Exercise", "Test"]
            """
        )
    (tmp_path / "form.csv").write_text(FORM)
    assert alertd("recipient", "import", "form.csv").code == 0
    assert alertd("operator", "add", "窓口", "--role", "administer", typed=f"{PASSWORD}\n").code == 0
    return alertd


def test_the_call_list_is_printed_for_an_area_and_noted(town: Alertd, tmp_path: Path):
    all_of_them = town("recipient", "call-list", "-o", "all.pdf")
    assert all_of_them.code == 0 and "2 people" in all_of_them.err
    assert (tmp_path / "all.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "all.pdf").stat().st_mode & 0o077 == 0, "personal data is for its owner's eyes"
    assert "1 people" in town("recipient", "call-list", "--area", "嵐南", "-o", "some.pdf").err
    engine = create_engine(f"sqlite:///{tmp_path / 'var' / 'alertd.db'}")
    with engine.connect() as connection:
        noted = connection.execute(text("SELECT count(*) FROM audit WHERE action = 'recipients.printed'"))
        assert noted.scalar() == 2
    engine.dispose()


def test_an_area_that_there_is_not_is_wrong_use(town: Alertd):
    done = town("recipient", "call-list", "--area", "東京", "-o", "x.pdf")
    assert done.code == 2 and "東京" in done.err


def test_a_trial_call_is_handed_in_by_who_may(town: Alertd):
    done = town("recipient", "test-call", "0256-00-0001", "--as", "窓口", "--json", typed=f"{PASSWORD}\n")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    shown = json.loads(town("alert", "show", str(told["id"]), "--json").out)
    assert (shown["status"], shown["state"]) == ("Test", "approved")
    again = town("recipient", "test-call", "0256000001", "--as", "窓口", typed=f"{PASSWORD}\n")
    assert again.code == 1 and "ten minutes" in again.err


def test_a_trial_call_to_nobody_is_refused(town: Alertd):
    done = town("recipient", "test-call", "0256-00-0009", "--as", "窓口", typed=f"{PASSWORD}\n")
    assert done.code == 1 and "nobody in the register" in done.err
    assert town("recipient", "test-call", "119", "--as", "窓口", typed=f"{PASSWORD}\n").code != 0
