"""What several acceptance tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.guide import Guide, installed
from tests.nursery import Nursery, running_nursery


@pytest.fixture(scope="session")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Guide:
    return installed(tmp_path_factory.mktemp("guide"))


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """What all towns of this process get their programs from."""
    with running_nursery() as found:
        yield found
