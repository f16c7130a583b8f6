"""A station without a line: its sheet lies on the desk, in the words of a broadcast."""

from __future__ import annotations

from alertd.channel import Medium, Outcome, Target
from alertd.settings import read_settings
from channels.fm_manual import ManualStation, ManualStationSettings
from tests.contract.test_fm_contract import Station


def test_a_manual_station_gets_a_sheet_and_is_never_said_to_have_aired_it(tmp_path) -> None:
    settings = read_settings(ManualStationSettings, {"kind": "fm-manual"}, "channels.fm")
    station = ManualStation("fm", settings)
    assert (station.traits.medium, settings.reaches) == (Medium.BROADCAST, "fm")
    assert station.traits.by_hand is not None
    target = Target(key="K-1", attempt=1, address="エフエム 0256-00-0102", answer_url="")
    (receipt,) = station.send(Station(tmp_path).message(), [target])
    assert receipt.outcome is Outcome.ACCEPTED
    assert station.preview(Station(tmp_path).message())[0].content
