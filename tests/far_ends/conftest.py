"""The real station that several tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.far_ends.liquidsoap import RealStation
from tests.serving import free_port


@pytest.fixture(scope="session")
def real_station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStation]:
    with RealStation(tmp_path_factory.mktemp("station"), free_port()) as station:
        station.wait_until_up()
        yield station
