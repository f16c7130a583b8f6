"""What sounds besides the words: what a setting may name, and when a siren sounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.errors import WrongConfiguration
from alertd.render import render
from alertd.settings import read_settings
from alertd.signal import signal
from alertd.siren import sirens, with_siren
from alertd.speech import Dtmf, Recording, Say, Signals, Siren
from channels.fm_settings import FmSettings
from channels.radio_settings import RadioSettings
from tests.station_sound import fm_sound
from tests.unit.test_render import alert

SIREN = Siren((60.0, 5.0, 60.0))


def parts(of: str, status: Status, *, siren: bool | None = None) -> tuple[object, ...]:
    words = alert(of, status)
    words = words if siren is None else with_siren(words, sounds=siren)
    script = render(words, "ja", Medium.OUTDOOR, City(), signals=Signals(siren=SIREN)).script
    assert script is not None
    return script.parts


@pytest.mark.parametrize(
    ("setting", "meaning"),
    [
        ("none", None),
        ("*12#", Dtmf("*12#")),
        ("60-5-60", SIREN),
        ("3-2x3", Siren((3.0, 2.0, 3.0, 2.0, 3.0, 2.0))),
    ],
)
def test_a_setting_names_a_signal(setting: str, meaning: object) -> None:
    assert signal(setting) == meaning


def test_a_supplied_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    path = fm_sound(tmp_path).path
    known = signal(str(path))
    assert isinstance(known, Recording) and len(known.digest) == 64
    with pytest.raises(ValueError, match="cannot be read"):
        signal("/nowhere/comfis.wav")
    path.write_text("no sound")
    with pytest.raises(ValueError, match="no WAV"):
        signal(str(path))


@pytest.mark.parametrize("wrong", ["eew", "300-5-300", "60-0-60", "12x", "A" * 40])
def test_what_is_no_signal_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="must"):
        signal(wrong)


def test_a_section_refuses_the_wrong_kind_of_signal() -> None:
    station = {"kind": "fm", "host": "127.0.0.1", "port": 1234}
    with pytest.raises(WrongConfiguration, match="no siren"):
        read_settings(FmSettings, {**station, "start_signal": "60-5-60"}, "channels.fm")
    with pytest.raises(WrongConfiguration, match="siren such as"):
        read_settings(RadioSettings, {"kind": "radio", "siren": "*12"}, "channels.radio")
    assert read_settings(FmSettings, station, "channels.fm").signals == Signals()
    assert read_settings(RadioSettings, {"kind": "radio"}, "channels.radio").signals == Signals()


@pytest.mark.parametrize(
    ("of", "status", "said", "times"),
    [
        ("flood-3", Status.ACTUAL, None, 0),
        ("flood-4", Status.ACTUAL, None, 1),
        ("flood-5", Status.ACTUAL, None, 2),
        ("flood-5", Status.ACTUAL, False, 0),
        ("flood-5", Status.EXERCISE, None, 0),
        ("flood-4", Status.EXERCISE, True, 1),
        ("flood-4", Status.TEST, None, 0),
        ("notice", Status.ACTUAL, None, 0),
        ("notice", Status.ACTUAL, True, 1),
    ],
)
def test_a_siren_sounds_by_level_and_never_in_a_drill_unless_somebody_says_so(
    of: str, status: Status, said: bool | None, times: int
) -> None:
    assert parts(of, status, siren=said).count(SIREN) == times


def test_a_correction_has_no_siren() -> None:
    correction = replace(alert("flood-5", Status.ACTUAL), msg_type=MsgType.CANCEL)
    assert sirens(correction, correction.infos) == 0


def test_a_drill_says_that_it_is_one_before_its_siren() -> None:
    heard = parts("flood-4", Status.EXERCISE, siren=True)
    before = heard[: heard.index(SIREN)]
    assert any(isinstance(part, Say) and "訓練" in part.text for part in before)


def test_the_second_siren_comes_before_the_repetition() -> None:
    heard = parts("flood-5", Status.ACTUAL)
    second = max(place for place, part in enumerate(heard) if part == SIREN)
    assert "くり返" in next(part.text for part in heard[second:] if isinstance(part, Say))
