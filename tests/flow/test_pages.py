"""Pages over loudspeakers from approval to what was heard: cut short for what is urgent, stopped at once, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alertd.airing import AiringState
from alertd.alert import Severity
from alertd.demo.loudspeakers import SimulatedLoudspeakers
from alertd.settings import read_settings
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings
from tests import factories
from tests.flow.air_city import AT_ONCE, AirCity, Tones
from tests.station_sound import free_zones

#: of each alert, seconds
SOUND = 2.5


@dataclass
class PagedCity(AirCity):
    """A running installation with loudspeakers in three zones."""

    speakers: SimulatedLoudspeakers

    def pages(self) -> list[tuple[str, frozenset[str], bool]]:
        """What was heard: identifier, zones, and whether to its end."""
        found: dict[int, tuple[str, set[str], bool]] = {}
        page: Any
        for page in self.speakers.ledger.entries("page"):
            name, zones, _ = found.get(page["ssrc"], (page["marks"]["identifier"], set(), False))
            found[page["ssrc"]] = (name, zones | {page["group"]}, page["seconds"] >= SOUND)
        return [(name, frozenset(zones), whole) for name, zones, whole in found.values()]

    def order(self) -> list[tuple[str, bool]]:
        return [(name, whole) for name, _, whole in self.pages()]


@pytest.fixture
def city(tmp_path: Path) -> Iterator[PagedCity]:
    with SimulatedLoudspeakers(free_zones(3)) as speakers:
        table = {"kind": "radio", "carries": ["Actual", "Exercise", "Test"], "ttl": 0}
        settings = read_settings(RadioSettings, table, "channels.radio")
        url = f"sqlite:///{tmp_path / 'alertd.db'}"
        site = factories.make_site(
            tmp_path, url, {"radio": settings}, {"radio": RadioChannel("radio", settings)}, lease=2.0
        )
        site._synthesizer = Tones(tmp_path / "tones", SOUND)
        factories.add_people(site, list(speakers.zones), kind="radio")
        try:
            yield PagedCity(site, "radio", speakers)
        finally:
            site.close()


def test_level_4_cuts_a_page_of_level_3_and_a_notice_short_which_follow_in_their_order(
    city: PagedCity,
) -> None:
    """Two workers; what the loudspeakers heard is the judge. All three wait at the same time."""
    level_3, notice, level_4 = map(city.written, (Severity.MODERATE, Severity.MINOR, Severity.SEVERE))
    city.let_go(level_3)
    city.let_go(notice)
    with city.working(workers=2):
        city.wait_for(lambda: any(one.state is AiringState.SIGNALLED for one in city.airings(level_3)))
        city.let_go(level_4)
        asked = city.site.clock.now()
        city.wait_for(lambda: city.over(level_3, notice, level_4), within=40)
    assert city.speakers.wait_until_quiet(5)
    zones = frozenset(city.speakers.zones)
    assert city.pages() == [
        (city.identifier(level_3), zones, False),
        (city.identifier(level_4), zones, True),
        (city.identifier(level_3), zones, True),
        (city.identifier(notice), zones, True),
    ]
    began = min(one.requested_at for one in city.airings(level_4))
    assert began - asked < 2 * AT_ONCE
    states = [one.state for one in city.airings(level_3)]
    assert states == [AiringState.PREEMPTED] * 3 + [AiringState.UNCONFIRMED] * 3
    keys = [entry["key"] for entry in city.speakers.ledger.entries("page")]
    assert len(set(keys)) == len(keys), "a repeat can be told from a double"
    assert city.tally(level_3).outcomes["accepted"] == 3
    assert city.audited("airing.taken_off") == 1, "one page, one word"


def test_a_stop_silences_a_page_and_pages_the_correction(city: PagedCity) -> None:
    with city.working():
        wrong = city.air(Severity.SEVERE)
        city.wait_for(lambda: any(one.state is AiringState.SIGNALLED for one in city.airings(wrong)))
        asked = city.site.clock.now()
        correction = city.cancel(wrong, correct=True)
        assert correction is not None
        city.wait_for(lambda: all(one.released_at for one in city.airings(wrong)))
        assert max(one.released_at for one in city.airings(wrong) if one.released_at) - asked < AT_ONCE
        city.wait_for(lambda: city.over(wrong) and city.over(correction))
    assert city.speakers.wait_until_quiet(5)
    (first, whole), (second, _) = city.order()
    assert (first, second, whole) == (city.identifier(wrong), city.identifier(correction), False)
