"""The guide for authors of channels: its very code, built and installed apart, keeps the contract and delivers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "alertd-pager"
#: what each block of the guide is
FILES = {"python": ("alertd_pager.py", "tests/test_pager.py"), "toml": ("pyproject.toml",)}


def _blocks() -> dict[str, str]:
    guide = (ROOT / "docs" / "channel-guide.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for language, names in FILES.items():
        code = re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)
        found |= dict(zip(names, code, strict=False))
    return found


def test_the_guide_shows_the_example_as_it_is() -> None:
    blocks = _blocks()
    assert set(blocks) == {name for names in FILES.values() for name in names}
    for name, code in blocks.items():
        assert code == (EXAMPLE / name).read_text(encoding="utf-8"), name


def test_the_channel_has_some_thirty_lines_of_its_own() -> None:
    sending = _blocks()["alertd_pager.py"].split("    def send(")[1]
    assert len([line for line in sending.splitlines() if line.strip()]) <= 32


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own, in which alertd is there and the guide's package is installed."""
    folder = tmp_path_factory.mktemp("guide")
    package = folder / "package"
    (package / "tests").mkdir(parents=True)
    for name, code in _blocks().items():
        (package / name).write_text(code, encoding="utf-8")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site_packages = venv / "lib" / version / "site-packages"
    # what alertd needs is taken from where these tests run: nothing is downloaded
    paths = "\n".join(
        dict.fromkeys([str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    )
    (site_packages / "alertd-and-its-needs.pth").write_text(paths + "\n")
    build = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=package, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(folder / built.stdout.split()[-1]) as wheel:
        wheel.extractall(site_packages)  # what installing a wheel is
    return folder


def _run(environment: Path, *arguments: str) -> str:
    python = environment / "venv" / "bin" / "python"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [str(python), *arguments],
        cwd=environment / "package",
        env={**clean, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def test_the_package_is_found_keeps_the_contract_and_delivers(environment: Path) -> None:
    told = _run(environment, "-m", "alertd", "channel", "list")
    assert "pager" in told.partition("installed without a section")[2]
    # the package itself is not beside the tests: only the installed one can be imported
    (environment / "package" / "alertd_pager.py").rename(environment / "moved_away.py")
    told = _run(environment, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests")
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None and int(passed[1]) >= 20, told
    assert "does not apply: the gateway calls nobody back" in told
