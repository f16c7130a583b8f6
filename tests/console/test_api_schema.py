"""The API against its own description: whatever fits it, and whatever does not, never a 5xx, always as documented."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alertd import api_token
from alertd.api_token import Scope
from alertd.db import writing
from tests.console.desk import Desk

_PROGRAM = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or shutil.which("schemathesis")
#: a description says nothing of what a template needs, nor that a key is for one request
_NOT_CHECKED = "positive_data_acceptance"


@pytest.mark.skipif(_PROGRAM is None, reason="schemathesis is not installed")
def test_the_api_answers_as_its_description_says(desk: Desk, tmp_path: Path) -> None:
    with writing(desk.site.engine) as session:
        now = desk.site.clock.now()
        token = api_token.add(session, name="schema", scopes=list(Scope), expires_at=None, now=now)
    done = subprocess.run(
        [
            str(_PROGRAM), "run", f"{desk.public_url}/api/openapi.json", "--no-color", "--seed", "5",
            "--header", f"Authorization: Bearer {token}", "--max-examples", "10", "--phases", "examples,fuzzing",
            "--exclude-checks", _NOT_CHECKED,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
