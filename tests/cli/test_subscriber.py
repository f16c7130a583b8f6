"""`alertd subscriber` and `alertd mail`: what the staff does for people, and what the mail server calls."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Alertd

CSV = """メールアドレス,地区,受け取る情報,言語
hana@example.jp,嵐南、井栗,クマなど鳥獣,やさしい日本語
ken@example.jp,すべて,,英語
"=cmd@example.jp",嵐南,,
bad,嵐南,,
miho@example.jp,月面,,
HANA@example.jp,嵐北,,
"""


def told(alertd: Alertd, address: str) -> dict:
    done = alertd("subscriber", "export", address)
    assert done.code == 0, done.err
    found: dict = json.loads(done.out)
    return found


def test_the_staff_registers_somebody_and_a_letter_waits_for_them(alertd: Alertd):
    done = alertd("subscriber", "add", "hana@example.jp", "--area", "嵐南", "--category", "wildlife")
    assert (done.code, done.out) == (0, "registered\n")
    found = told(alertd, "hana@example.jp")
    subscription = found["contacts"][0]["subscription"]
    assert subscription["how"] == "staff" and subscription["registered_by"].startswith("shell:")
    assert subscription["categories"] == ["life", "wildlife"]
    assert [letter["kind"] for letter in found["letters"]] == ["welcome"]
    assert alertd("subscriber", "add", "hana@example.jp").out == "changed\n"


@pytest.mark.parametrize(
    "wrong", [["x"], ["a@example.jp", "--area", "月面"], ["a@example.jp", "--category", "x"], []]
)
def test_what_cannot_be_registered_is_refused(alertd: Alertd, wrong: list[str]):
    assert alertd("subscriber", "add", *wrong).code in (1, 2)


def test_a_list_is_tried_first_and_taken_twice_as_once(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_bytes(CSV.encode("cp932"))
    tried = alertd("subscriber", "import", "list.csv", "--dry-run")
    assert "3 would be new" in tried.out and "2 rows refused" in tried.out
    assert "line 5, メールアドレス" in tried.err and "line 6, 地区" in tried.err
    assert alertd("subscriber", "export", "hana@example.jp").code == 1, "nothing was stored"
    assert "3 new" in alertd("subscriber", "import", "list.csv").out
    assert "0 new, 0 changed, 3 unchanged" in alertd("subscriber", "import", "list.csv").out
    found = told(alertd, "hana@example.jp")
    assert found["letters"] == [], "nobody is written to"
    assert found["contacts"][0]["language"] == "ja-easy"
    assert found["contacts"][0]["subscription"]["areas"] == ["IGR", "RNN"]


def test_who_has_left_is_not_brought_back_by_a_list(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_text("メール,地区\nhana@example.jp,嵐南\n")
    alertd("subscriber", "import", "list.csv")
    with sqlite3.connect(tmp_path / "var" / "alertd.db") as database:
        database.execute("UPDATE contact SET active = 0")
    database.close()
    assert "1 have left and stay off" in alertd("subscriber", "import", "list.csv").out
    assert told(alertd, "hana@example.jp")["contacts"][0]["active"] is False


def test_what_is_written_is_read_again(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_text(CSV)
    alertd("subscriber", "import", "list.csv")
    assert alertd("subscriber", "export", "all.csv").code == 0
    written = (tmp_path / "all.csv").read_bytes()
    assert (tmp_path / "all.csv").stat().st_mode & 0o777 == 0o600
    assert written.startswith(b"\xef\xbb\xbf") and b"\r\n'=cmd@" in written
    again = alertd("subscriber", "import", "all.csv", "--json")
    assert json.loads(again.out) | {"dry_run": False} == {
        "dry_run": False, "new": 0, "changed": 0, "unchanged": 3, "left": 0, "problems": []
    }  # fmt: skip


def test_subscribers_stand_in_the_citys_list_and_come_back_from_it(alertd: Alertd, tmp_path: Path):
    alertd("subscriber", "add", "hana@example.jp", "--area", "嵐南", "--category", "fire")
    assert alertd("recipient", "export", "all.csv").code == 0
    assert "メール登録者" in (tmp_path / "all.csv").read_text("utf-8-sig")
    assert "0 new, 0 changed, 1 unchanged, 0 rows refused" in alertd("recipient", "import", "all.csv").out
    assert told(alertd, "hana@example.jp")["contacts"][0]["subscription"]["areas"] == ["RNN"]


def test_an_address_that_is_erased_is_nowhere_any_more(city: Alertd, tmp_path: Path):
    city("subscriber", "add", "taro@example.jp", "--area", "嵐南")
    assert told(city, "taro@example.jp")["contacts"][0]["name"] == "三条太郎"
    done = city("subscriber", "erase", "taro@example.jp", "--yes")
    assert (done.code, done.out) == (0, "erased: 1 contact\n")
    everything = city("recipient", "export", "all.csv")
    listed = (tmp_path / "all.csv").read_text("utf-8-sig")
    assert everything.code == 0 and "hanako@example.jp" in listed
    assert "taro@example.jp" not in listed and "三条太郎" not in listed
    database = sqlite3.connect(tmp_path / "var" / "alertd.db")
    dump = "\n".join(database.iterdump())
    database.close()
    assert "contact.erased" in dump
    assert city("subscriber", "erase", "taro@example.jp", "--yes").code == 1


def test_hygiene_says_how_the_list_fares(city: Alertd):
    assert city("subscriber", "hygiene").out.startswith("2 addresses, 0 fail, 0 were taken off")
    found = json.loads(city("subscriber", "hygiene", "--json").out)
    assert found["domains"] == [{"domain": "example.jp", "addresses": 2, "ailing": 0, "suspended": 0}]


def test_a_probe_of_mail_says_when_a_canary_was_last_heard(alertd: Alertd, tmp_path: Path):
    with (tmp_path / "alertd.toml").open("a") as file:
        file.write('[inbox]\ncanaries = ["canary@docomo.ne.jp"]\n')
    done = alertd("channel", "probe", "mail")
    assert done.code == 0 and "mail last arrived at docomo.ne.jp never yet" in done.out


def test_the_poster_is_one_page_and_the_same_each_time(alertd: Alertd, tmp_path: Path):
    for name in ("one.pdf", "two.pdf"):
        assert alertd("subscriber", "poster", "-o", name).code == 0
    one, two = ((tmp_path / name).read_bytes() for name in ("one.pdf", "two.pdf"))
    assert one == two and one.startswith(b"%PDF") and one.count(b"/Type /Page\n") == 1


def test_a_mail_server_may_call_a_program(alertd: Alertd, tmp_path: Path):
    with (tmp_path / "alertd.toml").open("a") as file:
        file.write('[inbox]\nblank_mail = ["touroku@in.example.jp"]\n')
    command = [sys.executable, "-m", "alertd", "mail", "receive", "--sender", "hana@example.jp"]
    done = subprocess.run(
        [*command, "--recipient", "touroku@in.example.jp"],
        input=b"From: hana@example.jp\r\n\r\n",
        capture_output=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, b"answered\n"), done.stderr
    assert [letter["asked_by"] for letter in told(alertd, "hana@example.jp")["letters"]] == ["mail"]


def test_a_mail_that_cannot_be_taken_in_comes_again(alertd: Alertd, tmp_path: Path):
    (tmp_path / "alertd.toml").write_text("nonsense = 1\n")
    command = [sys.executable, "-m", "alertd", "mail", "receive", "--sender=", "--recipient=x@example.jp"]
    assert subprocess.run(command, input=b"", capture_output=True, cwd=tmp_path).returncode == 75
