"""The guide for authors of channels, and its package built and installed in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "alertd-pager"
#: what each block of the guide is
FILES = {"python": ("alertd_pager.py", "tests/test_pager.py"), "toml": ("pyproject.toml",)}


def blocks() -> dict[str, str]:
    """The files that the guide shows."""
    guide = (ROOT / "docs" / "channel-guide.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for language, names in FILES.items():
        code = re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)
        found |= dict(zip(names, code, strict=False))
    return found


@dataclass(frozen=True, slots=True)
class Guide:
    """A virtual environment in which alertd is there and the guide's package is installed."""

    folder: Path

    def run(self, *arguments: str, within: float = 180) -> str:
        """What Python says in it, which must succeed."""
        done = self.done(*arguments, within=within)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout + done.stderr

    def done(self, *arguments: str, within: float) -> subprocess.CompletedProcess[str]:
        """What Python did in it, beside the package."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
        return subprocess.run(
            [str(self.folder / "venv" / "bin" / "python"), *arguments],
            cwd=self.folder / "package",
            env=clean,
            capture_output=True,
            text=True,
            timeout=within,
        )


def installed(folder: Path) -> Guide:
    """Builds the package of the guide and installs it."""
    package = folder / "package"
    (package / "tests").mkdir(parents=True)
    for name, code in blocks().items():
        (package / name).write_text(code, encoding="utf-8")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site_packages = venv / "lib" / version / "site-packages"
    # what alertd needs is taken from where these tests run: nothing is downloaded
    paths = dict.fromkeys([str(ROOT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site_packages / "alertd-and-its-needs.pth").write_text("\n".join(paths) + "\n")
    build = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(folder)], cwd=package, capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(folder / built.stdout.split()[-1]) as wheel:
        wheel.extractall(site_packages)  # what installing a wheel is
    return Guide(folder)
