"""What switches receivers on and off is in the finished file, and decoders hear it there."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile

from alertd import artefact
from alertd.channel import Medium, Traits
from alertd.city import City
from alertd.speech import FM_AUDIO, OUTDOOR_WIDE_AUDIO, Dtmf, Recording, Script, Signals, Siren
from tests import factories
from tests.station_sound import digits_heard
from tts.assembly import RATE
from tts.tones import siren


@pytest.mark.skipif(shutil.which("multimon-ng") is None, reason="multimon-ng is not installed")
def test_digits_are_decoded_at_the_start_and_the_end_of_what_a_station_airs(synthesizer, tmp_path):
    traits = Traits(
        medium=Medium.BROADCAST, audio=FM_AUDIO, signals=Signals(start=Dtmf("*12#"), end=Dtmf("D0"))
    )
    plain = Traits(medium=Medium.BROADCAST, audio=FM_AUDIO)
    alert = factories.make_alert(text="川から離れてください。")
    made = artefact.prepare(alert, {"fm": traits, "other": plain}, {}, City(), synthesizer, tmp_path)
    sound, other = made[0].sound, made[1].sound
    assert sound is not None and other is not None
    assert digits_heard(sound.path) == "*12#D0"
    assert sound.seconds - other.seconds == pytest.approx(1.2 + 2.0, abs=0.1)
    begin, rate = soundfile.read(sound.path, frames=3 * 48000)
    soundfile.write(tmp_path / "begin.wav", begin, rate)
    assert digits_heard(tmp_path / "begin.wav") == "*12#"


def test_a_siren_sounds_and_is_silent_as_its_pattern_says(synthesizer):
    sound = synthesizer.speak(Script(language="ja", parts=(Siren((3.0, 2.0, 3.0)),)), OUTDOOR_WIDE_AUDIO)
    heard, rate = soundfile.read(sound.path)
    loud = np.sqrt(np.mean(heard[: len(heard) // rate * rate].reshape(-1, rate) ** 2, axis=1)) > 0.01
    assert loud.tolist() == [True, True, True, False, False, True, True, True]


def test_a_siren_runs_up_and_stays_below_the_tones_of_official_warnings():
    values = siren((12.0,), RATE).values
    second = abs(np.fft.rfft(values[6 * RATE : 7 * RATE]))
    assert abs(second.argmax() - 460) < 5
    begin = abs(np.fft.rfft(values[: RATE // 2]))
    assert 2 * begin.argmax() < 300


def test_a_supplied_file_is_aired_as_it_is_and_never_as_another(synthesizer, tmp_path):
    from alertd.errors import VoiceUnavailable
    from alertd.signal import signal

    path = tmp_path / "comfis.wav"
    time = np.arange(44100) / 44100
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 2500 * time), 44100)
    supplied = signal(str(path))
    assert isinstance(supplied, Recording)
    sound = synthesizer.speak(Script(language="ja", parts=(supplied,)), FM_AUDIO)
    heard, rate = soundfile.read(sound.path)
    assert abs(abs(np.fft.rfft(heard[:, 0][:rate])).argmax() - 2500) < 3
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 900 * time[:20000]), 44100)
    with pytest.raises(VoiceUnavailable, match="configured"):
        synthesizer.speak(Script(language="ja", parts=(supplied, Dtmf("1"))), FM_AUDIO)
