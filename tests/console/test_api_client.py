"""The Python client, as its page shows it, against the API over real HTTP."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from alertd import api_token
from alertd.api_token import Scope
from alertd.db import writing
from tests.console.desk import Desk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def module() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location(
        "alertd_client", ROOT / "docs" / "examples" / "alertd_client.py"
    )
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    yield found


def _token(desk: Desk) -> str:
    with writing(desk.site.engine) as session:
        now = desk.site.clock.now()
        return api_token.add(session, name="client", scopes=list(Scope), expires_at=None, now=now)


def test_the_example_of_the_page_works(
    desk: Desk, module: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    example = code[1].replace("from alertd_client import Client\n", "")
    example = example.replace("https://alerts.example.jp", desk.public_url).replace("alertd_…", _token(desk))
    exec(compile(example, "api.md", "exec"), {"Client": module.Client})
    assert capsys.readouterr().out == "submitted\n"


def test_the_client_submits_once_reads_and_explains(desk: Desk, module: ModuleType) -> None:
    api: Any = module.Client(desk.public_url, _token(desk), attempts=1)
    first = api.submit("flood-4", {"river": "五十嵐川"}, areas=["RNN"], channels=["mail"], key="one-key-0001")
    assert (
        api.submit("flood-4", {"river": "五十嵐川"}, areas=["RNN"], channels=["mail"], key="one-key-0001")
        == first
    )
    assert [one["id"] for one in api.alerts()] == [first]
    assert api.alert(first)["planned"] == 0 and api.in_force() == []
    with pytest.raises(module.ApiError, match="river"):
        api.submit("flood-4", {}, areas=["RNN"])
    with pytest.raises(module.ApiError) as caught:
        module.Client(desk.public_url, "alertd_wrong", attempts=1).alerts()
    assert caught.value.status == 401
