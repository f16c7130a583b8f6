"""The set-up: locks, packaging and the two commands keep what they promise."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
#: what only some installations need; the locks have all of it
EXTRAS = ["sound", "inbox", "postgres"]
LOCKS = ["requirements.lock", "requirements-test.lock", "requirements-uv.lock"]
GROUPS = [name for name in PROJECT["project"]["entry-points"]]


def _pins(lock: str) -> dict[str, str]:
    """The requirement (name, version, marker) and its hashes, for each entry of a lock."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())
    return {entry.split(" \\")[0]: " ".join(re.findall(r"sha256:\w+", entry)) for entry in entries}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_has_a_version_and_a_hash(lock):
    for requirement, hashes in _pins(lock).items():
        assert re.match(r"^[a-z0-9.-]+==[^ ]+( ; .+)?$", requirement)
        assert hashes, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_folder(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(--(extra-)?index-url|--find-links|-i|-f)\b", text, re.M)


def test_the_lock_of_prism_has_versions_and_hashes_and_names_no_host():
    folder = ROOT / "tests" / "far_ends" / "prism"
    text = (folder / "package-lock.json").read_text()
    assert "://" not in text and '"resolved"' not in text
    packages = json.loads(text)["packages"]
    asked = json.loads((folder / "package.json").read_text())["dependencies"]
    for name, version in asked.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    for name, package in packages.items():
        assert not name or package["integrity"].startswith(("sha512-", "sha1-")), name


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_nothing_for_other_systems(lock):
    names = {requirement.split("==")[0] for requirement in _pins(lock)}
    assert not [name for name in names if name.startswith(("pyobjc", "pywin32", "pypiwin32", "comtypes"))]
    assert not names & {"django", "asgiref"}


def test_what_is_tested_is_what_runs():
    tested = _pins("requirements-test.lock")
    for requirement, hashes in _pins("requirements.lock").items():
        assert tested.get(requirement) == hashes, f"{requirement} differs: python3 dev.py lock"


def _direct(section: list[str]) -> set[str]:
    return {_normal(re.split(r"[^a-z0-9.-]", requirement)[0]) for requirement in section}


def _normal(name: str) -> str:
    """A package's name as the locks write it (PEP 503)."""
    return re.sub(r"[._]", "-", name)


def test_a_plain_installation_has_at_most_25_direct_dependencies():
    assert len(_direct(PROJECT["project"]["dependencies"])) <= 25


def test_every_direct_dependency_is_locked_and_has_a_reason():
    extras = PROJECT["project"]["optional-dependencies"]
    runtime = _direct(PROJECT["project"]["dependencies"])
    locked = {requirement.split("==")[0] for requirement in _pins("requirements.lock")}
    for extra in EXTRAS:
        runtime |= _direct(extras[extra])
    assert runtime <= locked
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    named = {
        _normal(name)
        for cell in re.findall(r"^\| ([a-z0-9., -]+) \|", reasons, re.M)
        for name in cell.split(", ")
    }
    assert named - {"package"} == runtime | _direct(extras["test"])


@pytest.mark.parametrize(
    "declared",
    [
        (group, name, target)
        for group in GROUPS
        for name, target in PROJECT["project"]["entry-points"][group].items()
    ],
    ids=lambda declared: f"{declared[0]}:{declared[1]}",
)
def test_a_plugin_can_be_found_and_loaded(declared):
    group, name, target = declared
    found = entry_points(group=group, name=name)
    assert [point.value for point in found] == [target], "not installed: python3 dev.py setup"
    loaded = next(iter(found)).load()
    assert callable(loaded) or inspect.ismodule(loaded), "a plugin of pytest is a module"


def test_the_command_can_be_found_and_loaded():
    (point,) = entry_points(group="console_scripts", name="alertd")
    assert callable(point.load())


def test_dev_py_needs_nothing_but_python():
    tree = ast.parse((ROOT / "dev.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


def test_dev_py_names_the_python_that_is_too_old():
    """The check is the first statement, and what comes before it parses on every Python 3.6."""
    text = (ROOT / "dev.py").read_text()
    ast.parse(text, feature_version=(3, 7))
    _, first, second, *_ = ast.parse(text).body
    assert ast.unparse(first) == "import sys"
    assert ast.unparse(second).startswith("if sys.version_info < (3, 11):\n    sys.exit(")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "examples:"),
        (["test", "--help"], 0, "ALERTD_REQUIRE_BROWSER"),
        ([], 2, "which command?"),
        (["tset"], 2, 'there is no command "tset"'),
        (["setup", "--everything"], 2, "--test or nothing"),
    ],
)
def test_dev_py_says_how_it_is_used(arguments, code, words):
    done = subprocess.run([sys.executable, ROOT / "dev.py", *arguments], capture_output=True, text=True)
    assert done.returncode == code
    assert words in (done.stdout if code == 0 else done.stderr)


def test_ci_runs_what_people_run():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == 'exec python3 dev.py test "$@"'


def _dev() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


dev = _dev()


def _python(folder: Path, *, built_well: bool) -> Path:
    """Something that answers as a Python of our series does when it is asked how it was built."""
    folder.mkdir()
    program = folder / f"python{dev.SERIES}"
    program.write_text(f"#!/bin/sh\nexit {int(not built_well)}\n")
    program.chmod(0o755)
    return program


def test_a_slowly_built_python_gives_way_to_a_faster_one_of_its_series(tmp_path, monkeypatch):
    slow, other = _python(tmp_path / "a", built_well=False), _python(tmp_path / "b", built_well=False)
    fast = _python(tmp_path / "c", built_well=True)
    monkeypatch.setattr(sys, "_base_executable", str(slow))
    monkeypatch.setenv("PATH", f"{tmp_path / 'none'}:{other.parent}:{fast.parent}:/usr/bin:/bin")
    assert dev.fastest_python() == fast


def test_a_python_that_was_built_well_is_kept(tmp_path, monkeypatch):
    ours, other = _python(tmp_path / "a", built_well=True), _python(tmp_path / "b", built_well=True)
    monkeypatch.setattr(sys, "_base_executable", str(ours))
    monkeypatch.setenv("PATH", f"{other.parent}:/usr/bin:/bin")
    assert dev.fastest_python() == ours
