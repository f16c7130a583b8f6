"""What a city installs is the runtime lock alone: nothing of the test lock may be needed to run."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: hides every module that only packages outside of the runtime lock bring
_HIDE = """
import importlib, re, sys
from importlib.metadata import packages_distributions
name = lambda text: re.sub(r"[-_.]+", "-", text).lower()
locked = set(sys.argv[1].split()) | {"alertd"}
for module, brought_by in packages_distributions().items():
    if not locked & {name(one) for one in brought_by}:
        sys.modules.setdefault(module, None)
for module in sys.argv[2:]:
    importlib.import_module(module)
"""


def _locked() -> str:
    pins = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.M)
    return " ".join(re.sub(r"[-_.]+", "-", name).lower() for name in pins)


def test_every_program_is_importable_on_the_runtime_lock_alone():
    programs = [f"alertd.cli.{file.stem}" for file in sorted((ROOT / "alertd" / "cli").glob("[a-z]*.py"))]
    targets = [
        target.partition(":")[0]
        for point in ("alertd.channels", "alertd.voices", "alertd.synthesizers")
        for target in (one.value for one in entry_points(group=point))
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _HIDE, _locked(), "operator_console.app", *programs, *targets],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
