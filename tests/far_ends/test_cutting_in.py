"""A real station is cut into from approval on: its history and the recording of its air are the judges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alertd.alert import Severity
from alertd.demo.station import QUEUE
from alertd.messages import DELIVERY
from alertd.token import seal
from channels.liquidsoap import Station
from tests.far_ends.liquidsoap import NEEDED, RealStation, pause
from tests.far_ends.recorded_air import tones_on_air
from tests.flow.air_city import AT_ONCE, AirCity, Tones
from tests.flow.station_city import fm_site

pytestmark = NEEDED

#: of each alert, seconds
SOUND = 3.0
#: each alert is a tone of its own, Hz
PITCHES = {"警戒": 600, "避難": 900, "連絡": 1200}


@pytest.fixture
def city(real_station: RealStation, tmp_path: Path) -> Iterator[AirCity]:
    with Station(real_station.socket_path, timeout=5) as conversation:
        conversation.clear(QUEUE)
    url = f"sqlite:///{tmp_path / 'alertd.db'}"
    voice = Tones(tmp_path / "tones", SOUND, PITCHES)
    with fm_site(tmp_path, url, real_station.socket_path, voice, 8.0, timeout=2) as site:
        yield AirCity(site, "fm")


def test_a_real_station_airs_level_4_in_the_middle_of_level_3_and_then_what_it_cut_and_a_notice(
    city: AirCity, real_station: RealStation
) -> None:
    level_3 = city.written(Severity.MODERATE, text="川の水位に警戒してください。")
    notice = city.written(Severity.MINOR, text="広場からの連絡です。")
    level_4 = city.written(Severity.SEVERE, text="すぐに避難してください。")
    begin = real_station.recording.stat().st_size
    with city.working(workers=2):
        city.let_go(level_3)
        city.wait_for(lambda: city.on_air(level_3))
        city.let_go(notice)
        city.let_go(level_4)
        asked = city.site.clock.now()
        city.wait_for(lambda: city.over(level_3, notice, level_4), within=40)
    pause(0.7)

    (cut, *whole) = tones_on_air(real_station.recording, begin)
    assert cut[0] == 600 and cut[1] < SOUND - 0.3, "level 3 was cut short"
    assert [pitch for pitch, _ in whole] == [900, 600, 1200]
    assert [seconds for _, seconds in whole] == [pytest.approx(SOUND, abs=0.2)] * 3

    (cut_in,) = city.airings(level_4)
    assert cut_in.on_air_at is not None and cut_in.on_air_at - asked < AT_ONCE
    with Station(real_station.socket_path, timeout=5) as conversation:
        remembered = [request.key for request in conversation.history("rec")]
    keys = {
        name: seal(city.site.secret, DELIVERY, city.airings(number)[0].delivery_id)
        for name, number in (("level 3", level_3), ("level 4", level_4), ("notice", notice))
    }
    ours = [keys["level 3"], keys["level 4"], f"{keys['level 3']}-1", keys["notice"]]
    assert list(dict.fromkeys(key for key in remembered if key in ours)) == ours
