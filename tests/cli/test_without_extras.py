"""A plain installation, without the extras: it works, and says what is missing where it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: the modules of the extras `sound`, `inbox` and `postgres`
_MISSING = (
    "numpy", "soundfile", "soxr", "pydub", "pyopenjtalk", "pyttsx3", "espeakng_loader", "audioop",
    "aiosmtpd", "flufl", "psycopg",
)  # fmt: skip
_PROGRAM = f"""
import sys
for name in {_MISSING!r}:
    sys.modules[name] = None
from alertd.cli import main
sys.argv[0] = "alertd"
sys.exit(main())
"""
_PEOPLE = "名前,地区,メール\n三条太郎,嵐南,taro@example.jp\n"
_CONFIG = '[channels.mail]\nkind = "email"\nsender = "bosai@sanjo.example.jp"\nhost = "127.0.0.1"\nport = 9\ntls = "none"\nsimulated = true\n'


@pytest.fixture
def plain(tmp_path: Path):
    def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", _PROGRAM, *words],
            cwd=tmp_path,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_drill_by_mail_is_prepared_and_calls_have_words_only(plain, tmp_path: Path):
    (tmp_path / "people.csv").write_text(_PEOPLE)
    assert plain("recipient", "import", "people.csv").returncode == 0
    assert (
        plain("operator", "add", "起草", "--role", "draft", typed="a long password, twice\n" * 2).returncode
        == 0
    )
    send = ("alert", "send", "--template", "flood-4", "--set", "river=五十嵐川", "--area", "嵐南")
    done = plain(*send, "--exercise", "--channel", "mail", "--channel", "fm")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert "alertd[sound]" in done.stderr


def test_what_needs_an_extra_names_it(plain, tmp_path: Path):
    (tmp_path / "alertd.toml").write_text('[database]\nurl = "postgresql://nobody@127.0.0.1:9/none"\n')
    refused = plain("db", "upgrade")
    assert refused.returncode != 0 and "alertd[postgres]" in refused.stderr
    (tmp_path / "alertd.toml").write_text("[inbox]\nport = 2525\n" + _CONFIG)
    refused = plain("mail", "listen")
    assert refused.returncode != 0 and "alertd[inbox]" in refused.stderr
