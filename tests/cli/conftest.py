"""The command line as people use it: arguments in; exit code, output and messages out."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from alertd.cli import main
from alertd.demo.smtp_server import SimulatedSmtpServer

PASSWORD = "a long enough sentence"


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


Alertd = Callable[..., Done]


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[SimulatedSmtpServer]:
    with SimulatedSmtpServer() as server:
        yield server


@pytest.fixture
def alertd(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mail_server: SimulatedSmtpServer,
) -> Alertd:
    """Runs a command in a folder of its own with one mail channel; `typed` is standard input."""
    (tmp_path / "alertd.toml").write_text(
        f"""
        [channels.mail]
        kind = "email"
        host = "127.0.0.1"
        port = {mail_server.port}
        sender = "bosai@sanjo.example.jp"
        carries = ["Exercise", "Actual"]
        """
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALERTD_CONFIG", raising=False)

    def run(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the first `city` are kept for the next ones."""
    return tmp_path_factory.mktemp("city") / "var"


@pytest.fixture
def city(alertd: Alertd, tmp_path: Path, kept: Path) -> Alertd:
    """The same with two recipients, a drafter and an approver."""
    (tmp_path / "people.csv").write_text(
        "氏名,メール,地区\n三条太郎,taro@example.jp,嵐南\n燕花子,hanako@example.jp,井栗\n"
    )
    if kept.exists():
        shutil.copytree(kept, tmp_path / "var")
        return alertd
    assert alertd("recipient", "import", "people.csv").code == 0
    for name, role in (("起案", "draft"), ("承認", "approve")):
        assert alertd("operator", "add", name, "--role", role, typed=f"{PASSWORD}\n").code == 0
    shutil.copytree(tmp_path / "var", kept)
    return alertd
