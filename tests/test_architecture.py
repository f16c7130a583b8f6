"""The rules that the code keeps: imports, types, lint, formatting, and words that stay out."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent


def _passes(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [PROGRAMS / program, *arguments],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{program} {' '.join(arguments)}\n{done.stdout}"


def test_the_types_are_right():
    _passes("mypy", "--no-error-summary")


def test_the_lint_rules_are_kept():
    _passes("ruff", "check", "--quiet", ".")


def test_the_code_is_formatted():
    _passes("ruff", "format", "--check", ".")


def test_imports_point_inwards_only():
    _passes("lint-imports", "--no-cache")


def _tracked() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("git does not know this folder, so nobody can say which files are the project's")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


#: what must not be in the project, and where it may
FORBIDDEN = {
    "a path of somebody's machine": (re.compile(r"(?<![\w.])/(work|root|home/\w+)/"), ()),
    "a package index": (re.compile(r"pypi\.org|pythonhosted|registry\.npmjs|(extra-)?index-url\s*="), ()),
    "data beside the project": (re.compile(r"\.\./shared"), ("tests/",)),
}
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".lock",
    ".yml",
    ".yaml",
    ".html",
    ".css",
    ".js",
    ".txt",
    ".csv",
    ".cfg",
    ".sh",
    ".liq",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_the_project_does_not_mention(what):
    pattern, allowed = FORBIDDEN[what]
    this = Path(__file__).resolve()
    for path in _tracked():
        place = path.relative_to(ROOT).as_posix()
        if path == this or place.startswith(allowed) or not (path.suffix in TEXT or not path.suffix):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            assert not pattern.search(line), f"{place}:{number} names {what}: {line.strip()[:100]}"


def _python(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    modules = _python("alertd", "channels", "tts", "operator_console")
    assert [path for path in modules if path.stem in drawers] == []


def test_every_module_says_what_it_is():
    for path in _python("alertd", "channels", "tts", "operator_console", "tests", "benchmarks"):
        text = path.read_text()
        if text.strip():
            assert re.match(r'r?"""\S', text), f"{path.relative_to(ROOT)} begins without a docstring"
