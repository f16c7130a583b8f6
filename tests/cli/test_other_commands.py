"""Recipients, areas, operators, channels and the database from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from alertd.demo.smtp_server import SimulatedSmtpServer
from tests.cli.conftest import PASSWORD, Alertd

HEAD = "受付番号,氏名,メール,電話番号,地区\n"


def test_a_dry_run_counts_and_stores_nothing(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_text(HEAD + "1,三条太郎,taro@example.jp,0256-00-0001,嵐南\n")
    dry = json.loads(alertd("recipient", "import", "list.csv", "--dry-run", "--json").out)
    assert (dry["new"], dry["dry_run"]) == (1, True)
    real = json.loads(alertd("recipient", "import", "list.csv", "--json").out)
    assert real["new"] == 1
    again = json.loads(alertd("recipient", "import", "list.csv", "--json").out)
    assert (again["new"], again["unchanged"]) == (0, 1)


def test_rows_with_problems_are_named_and_the_others_taken(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_text(
        HEAD + "1,三条太郎,taro@example.jp,,嵐南\n2,燕花子,not an address,,嵐南\n3,佐藤,a@example.jp,,東京\n"
    )
    done = alertd("recipient", "import", "list.csv")
    assert done.code == 1
    assert "1 new" in done.out and "2 rows refused" in done.out
    assert "line 3" in done.err and "line 4" in done.err
    assert alertd("recipient", "check", "list.csv").code == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932", "utf-16"])
def test_an_export_is_taken_back_as_it_was(alertd: Alertd, tmp_path: Path, encoding: str):
    (tmp_path / "list.csv").write_bytes((HEAD + "1,三条太郎,taro@example.jp,,嵐南\n").encode(encoding))
    assert alertd("recipient", "import", "list.csv").code == 0
    assert alertd("recipient", "export", "out.csv").code == 0
    assert (tmp_path / "out.csv").stat().st_mode & 0o077 == 0
    taken = json.loads(alertd("recipient", "import", "out.csv", "--json").out)
    assert (taken["unchanged"], taken["changed"], taken["new"]) == (1, 0, 0)


def test_areas_of_another_city_are_imported(alertd: Alertd, tmp_path: Path):
    (tmp_path / "areas.csv").write_text("code,name,households\nX1,東町,120\n")
    assert alertd("area", "import", "areas.csv").code == 0
    assert {"code": "X1", "name": "東町", "name_kana": "", "name_en": "", "households": 120} in json.loads(
        alertd("area", "list", "--json").out
    )
    (tmp_path / "areas.csv").write_text("code,name,households\nX1,東町,many\n")
    done = alertd("area", "import", "areas.csv")
    assert done.code == 1
    assert "line 2" in done.err


def test_a_short_password_is_refused_by_name(alertd: Alertd):
    done = alertd("operator", "add", "佐藤", "--role", "draft", typed="short\n")
    assert done.code == 1
    assert "password" in done.err
    assert "short" not in done.err.replace("shorter", "")


def test_a_new_password_replaces_the_old_one(city: Alertd):
    assert city("operator", "password", "承認", typed="another long sentence\n").code == 0
    city("alert", "send", "--template", "flood-4", "--set", "river=五十嵐川", "--area", "嵐南", "--exercise")
    assert city("alert", "approve", "1", "--as", "承認", typed=f"{PASSWORD}\n").code == 1
    assert city("alert", "approve", "1", "--as", "承認", typed="another long sentence\n").code == 0


def test_a_probe_tells_a_far_end_that_is_down(alertd: Alertd, mail_server: SimulatedSmtpServer):
    up = alertd("channel", "probe")
    assert up.code == 0
    assert "mail\tok\t" in up.out
    mail_server.stop()
    down = alertd("channel", "probe", "mail")
    assert down.code == 1
    assert "mail\tDOWN\t" in down.out


def test_the_sound_that_would_be_sent_can_be_heard(alertd: Alertd, tmp_path: Path):
    (tmp_path / "alertd.toml").unlink()
    done = alertd("channel", "say", "水です。", "--channel", "phone", "-o", "call.wav", "--json")
    assert done.code == 0, done.err
    heard = json.loads(done.out)
    assert heard["seconds"] > 3
    assert "クンレン" in heard["reading"].translate({ord("　"): None})
    assert (tmp_path / "call.wav").read_bytes()[:4] == b"RIFF"


def test_upgrading_twice_is_harmless(alertd: Alertd):
    assert alertd("db", "upgrade").code == 0
    assert alertd("db", "upgrade").code == 0


def test_roles_are_printed_for_postgresql_and_refused_on_sqlite(alertd: Alertd):
    printed = alertd("db", "grants", "--prefix", "town").out
    assert "GRANT SELECT, INSERT ON public.audit TO town_app;" in printed
    assert not re.search("ON public.(session|saved_draft|hook) TO town_(public|auditor)", printed)
    assert "INSERT, UPDATE (content_hash" in alertd("db", "grants", "--api").out
    refused = alertd("db", "grants", "--apply")
    assert refused.code == 1 and "PostgreSQL" in refused.err


def test_the_database_is_copied_checked_and_brought_back(alertd: Alertd, tmp_path: Path):
    (tmp_path / "list.csv").write_text(HEAD + "1,三条太郎,taro@example.jp,,嵐南\n")
    alertd("recipient", "import", "list.csv")
    assert alertd("db", "backup", "copy.db").code == 0
    (tmp_path / "list.csv").write_text(HEAD + "2,三条花子,hanako@example.jp,,嵐南\n")
    alertd("recipient", "import", "list.csv")
    assert "sound" in alertd("db", "check").out

    assert alertd("db", "restore", "copy.db").code == 2, "it asks whether everything is stopped"
    assert json.loads(alertd("db", "restore", "copy.db", "--yes", "--json").out) == {"held": []}
    listed = alertd("recipient", "export", "-").out
    assert "太郎" in listed and "花子" not in listed
    assert len(list((tmp_path / "var").glob("alertd.db.before-*"))) == 1, "the old file is kept"
