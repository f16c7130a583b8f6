"""What several acceptance tests share."""

from __future__ import annotations

import pytest

from tests.acceptance.guide import Guide, installed


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Guide:
    return installed(tmp_path_factory.mktemp("guide"))
