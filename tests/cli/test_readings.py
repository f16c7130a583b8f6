"""Readings from the command line: lists of names with kana are learnt, checked and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Alertd

TOWNS = "town,town_kana\n長野,ナガノ\n大平,オオダイラ\n"


@pytest.fixture
def towns(tmp_path: Path) -> Path:
    (tmp_path / "towns.csv").write_text(TOWNS)
    return tmp_path / "towns.csv"


def test_a_list_is_learnt_as_far_as_it_is_needed(alertd: Alertd, towns: Path):
    assert alertd("reading", "check", "towns.csv").code == 1
    dry = json.loads(alertd("reading", "import", "towns.csv", "--dry-run", "--json").out)
    assert (dry["dry_run"], dry["file"], dry["already_right"]) == (True, None, 1)
    assert [name["surface"] for name in dry["learnt"]] == ["大平"]
    assert alertd("reading", "check", "towns.csv").code == 1

    done = alertd("reading", "import", "towns.csv")
    assert (done.code, done.err) == (0, "")
    assert "大平\tオオダイラ" in done.out and "1 learnt, 1 right already, 0 still wrong" in done.out
    checked = alertd("reading", "check", "towns.csv")
    assert (checked.code, checked.out) == (0, "2 of 2 names are read right\n")
    listed = alertd("reading", "list")
    assert "大平\tオオダイラ\ttowns.csv\t" in listed.out
    entry = next(
        one for one in json.loads(alertd("reading", "list", "--json").out) if one["surface"] == "大平"
    )
    assert (entry["reading"], entry["source"]) == ("オオダイラ", "towns.csv")


def test_every_wrong_row_is_named_and_nothing_is_kept(alertd: Alertd, tmp_path: Path):
    (tmp_path / "towns.csv").write_text("surface,reading\n大平,オオダイラ\n旭町,asahi\n本町,hon\n")
    done = alertd("reading", "import", "towns.csv")
    assert done.code == 1
    assert "line 3" in done.err and "line 4" in done.err
    assert "大平" not in alertd("reading", "list").out


@pytest.mark.parametrize(
    ("content", "said"), [("", "empty"), ("a,b\n1,2\n", "town and town_kana"), (None, "cannot read")]
)
def test_a_file_that_is_no_list_is_refused_with_the_remedy(alertd: Alertd, tmp_path: Path, content, said):
    if content is not None:
        (tmp_path / "list.csv").write_text(content)
    done = alertd("reading", "import", "list.csv")
    assert done.code == 1
    assert said in done.err
