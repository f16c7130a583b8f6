"""Help, wrong use, exit codes, and what is said when something goes wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from alertd.cli.app import COMMANDS
from tests.cli.conftest import Alertd


def every_command() -> Iterator[tuple[str, ...]]:
    for noun in COMMANDS:
        command: Any = typer.main.get_command(import_module(f"alertd.cli.{noun}").app)
        verbs = getattr(command, "commands", None)
        yield from ((noun, verb) for verb in verbs) if verbs else [(noun,)]


#: commands that speak of the program, not of an installation
WITHOUT_INSTALLATION = {("sbom",)}


@pytest.mark.parametrize("words", list(every_command()), ids=" ".join)
def test_every_command_has_help_with_an_example_and_takes_a_configuration(alertd: Alertd, words):
    helped = alertd(*words, "--help")
    assert helped.code == 0
    assert "Example" in helped.out
    assert f"alertd {' '.join(words)}" in helped.out.split("Example")[1]
    assert ("--config FILE" in helped.out) is (words not in WITHOUT_INSTALLATION)


def test_the_first_help_loads_neither_database_nor_web():
    script = (
        "import sys; from alertd.cli import main; code = main(['--help']); "
        "print([name for name in ('sqlalchemy', 'fastapi', 'celery', 'pydantic', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "alertd demo" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("alert", "nonsense"),
        ("alert", "show"),
        ("alert", "show", "one"),
        ("alert", "send", "--template", "flood-9", "--area", "嵐南", "--exercise"),
        ("alert", "send", "--template", "flood-4", "--set", "river", "--area", "嵐南", "--exercise"),
        ("alert", "send", "--template", "flood-4", "--area", "岚南", "--exercise"),
        ("alert", "send", "--template", "flood-4", "--exercise"),
        ("alert", "send", "--exercise"),
        ("alert", "approve", "1"),
        ("operator", "add", "佐藤", "--role", "king"),
        ("channel", "say", "水", "--channel", "mail", "-o", "x.wav"),
        ("channel", "say", "水", "--channel", "none", "-o", "x.wav"),
        ("web", "--only", "nothing"),
    ],
    ids=" ".join,
)
def test_wrong_use_exits_2_and_says_how_to_get_help(alertd: Alertd, words):
    done = alertd(*words)
    assert done.code == 2
    assert "--help" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_an_unknown_key_is_named_with_what_was_meant(alertd: Alertd, tmp_path: Path):
    (tmp_path / "alertd.toml").write_text(
        '[channels.mail]\nkind = "email"\nhost = "h"\nprot = 25\nsender = "a@b.jp"\n'
    )
    done = alertd("channel", "list")
    assert done.code == 1
    assert 'unknown key "prot" in [channels.mail]; did you mean "port"?' in done.err


def test_a_configuration_that_is_missing_is_named(alertd: Alertd):
    done = alertd("channel", "list", "--config", "nowhere.toml")
    assert done.code == 1
    assert "nowhere.toml" in done.err


def test_the_configuration_may_stand_before_the_command(alertd: Alertd, tmp_path: Path):
    (tmp_path / "alertd.toml").rename(tmp_path / "other.toml")
    before = alertd("--config", "other.toml", "channel", "list")
    after = alertd("channel", "list", "--config", "other.toml")
    assert before == after
    assert before.out.startswith("mail\temail\t")


def test_the_variable_names_the_configuration(
    alertd: Alertd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "alertd.toml").rename(tmp_path / "other.toml")
    monkeypatch.setenv("ALERTD_CONFIG", str(tmp_path / "other.toml"))
    assert alertd("channel", "list").out.startswith("mail\t")


def test_without_a_configuration_the_built_in_one_has_four_simulated_channels(alertd: Alertd, tmp_path: Path):
    (tmp_path / "alertd.toml").unlink()
    done = alertd("channel", "list")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["mail", "phone", "fm", "radio"]
    assert all("模擬" in line and "Actual" not in line for line in lines)


def test_a_database_that_cannot_be_used_is_a_sentence(alertd: Alertd, tmp_path: Path):
    with (tmp_path / "alertd.toml").open("a") as file:
        file.write('\n[database]\nurl = "postgresql://nobody@127.0.0.1:1/none"\n')
    done = alertd("alert", "list")
    assert done.code == 1
    assert "the database cannot be used" in done.err
    assert "Traceback" not in done.err


def test_what_is_not_there_is_named(alertd: Alertd):
    done = alertd("alert", "show", "77")
    assert done.code == 1
    assert "there is no dispatch 77" in done.err
