"""Voices: what breaks is noticed, replaced and never heard."""

import contextlib
import csv
import os
import signal
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from alertd.errors import VoiceUnavailable
from alertd.speech import CALL_AUDIO, FM_AUDIO, Samples, Say, Script
from tts import program, voices
from tts.program import Program
from tts.pyttsx3_voice import Pyttsx3
from tts.synthesizer import ScriptSynthesizer

WORDS = "Evacuate now to the second floor of your house, please, and do not go outside."


def script(text=WORDS, language="en"):
    return Script(language=language, parts=(Say(text, rate=5.5),))


def test_every_language_is_spoken_in_its_own_voice(pyttsx3):
    spoken = {language: pyttsx3.speak("Sanjo 1 2 3", language, 4.0) for language in ("en", "vi", "pt", "es")}
    lengths = {len(samples.values) for samples in spoken.values()}
    assert len(lengths) == len(spoken)


def test_there_is_no_voice_for_a_language_that_is_not_listed(pyttsx3):
    with pytest.raises(VoiceUnavailable, match="tl"):
        pyttsx3.speak("Lumikas na", "tl", 4.0)


def test_japanese_is_spoken_from_kana_only(pyttsx3):
    assert len(pyttsx3.speak("ヒナンシジ", "ja", 5.0).values) > 10000
    with pytest.raises(VoiceUnavailable, match="kana"):
        pyttsx3.speak("避難指示", "ja", 5.0)


def test_a_text_without_sound_is_an_error_and_not_silence(pyttsx3):
    with pytest.raises(VoiceUnavailable):
        pyttsx3.speak("   ", "en", 4.0)


def test_threads_share_one_child_and_get_whole_sentences(pyttsx3):
    texts = [f"Sentence number {number}. {WORDS}" for number in range(12)] * 2
    alone = {text: len(pyttsx3.speak(text, "en", 4.0).values) for text in texts[:12]}
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda text: len(pyttsx3.speak(text, "en", 4.0).values), texts))
    # the engine varies a little from time to time: a few samples, not a word
    assert together == pytest.approx([alone[text] for text in texts], rel=0.005)


def test_a_child_that_is_killed_is_replaced(pyttsx3):
    pyttsx3.speak(WORDS, "en", 4.0)
    first = pyttsx3.child_pid
    os.kill(first, signal.SIGKILL)
    assert len(pyttsx3.speak(WORDS, "en", 4.0).values) > 22050
    assert pyttsx3.child_pid != first


def test_a_child_killed_in_the_middle_of_sentences_costs_none(pyttsx3):
    pyttsx3.speak(WORDS, "en", 4.0)
    ended = threading.Event()

    def kill_often():
        while not ended.wait(0.15):
            if pyttsx3.child_pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pyttsx3.child_pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_often)
    killer.start()
    lengths = set()
    try:
        for _ in range(10):
            try:
                lengths.add(len(pyttsx3.speak(WORDS, "en", 4.0).values))
            except VoiceUnavailable:
                continue  # killed twice within one sentence; said so, and nothing half made
    finally:
        ended.set()
        killer.join()
    lengths.add(len(pyttsx3.speak(WORDS, "en", 4.0).values))
    assert max(lengths) < 1.005 * min(lengths)


def test_a_child_that_hangs_is_ended_in_time():
    voice = Pyttsx3(timeout=1.0)
    voice.speak(WORDS, "en", 4.0)
    stuck = voice.child_pid or 0
    os.kill(stuck, signal.SIGSTOP)
    started = time.monotonic()
    try:
        assert len(voice.speak(WORDS, "en", 4.0).values) > 22050
    finally:
        voice.close()
    assert time.monotonic() - started < 8
    with pytest.raises(ProcessLookupError):
        os.kill(stuck, 0)


class Hum:
    """A voice that hums for about as long as the words would take."""

    languages = ("en",)

    def __init__(self, name="hum"):
        self.name, self.works = name, True

    def speak(self, text, language, rate):
        if not self.works:
            raise VoiceUnavailable("broken")
        at = np.arange(int(24000 * (0.5 + len(text) / 2 / rate))) / 24000
        hum = np.sin(2 * np.pi * 440 * at) * (0.2 + 0.15 * np.sin(2 * np.pi * (2 + len(text) % 5) * at))
        return Samples(hum.astype("float32"), 24000)


def test_with_every_engine_dead_what_was_spoken_before_is_put_together(tmp_path):
    voice = Hum()
    opened = ScriptSynthesizer(tmp_path, [voice])
    opened.prepare(Say("Alert Level 4."), "en")
    opened.prepare(Say("Evacuate."), "en")
    voice.works = False
    assert opened.speak(script("Alert Level 4. Evacuate."), CALL_AUDIO).voice == "fragments"
    with pytest.raises(VoiceUnavailable):
        opened.speak(script("Alert Level 4. Stay."), CALL_AUDIO)


def test_people_may_record_what_no_engine_speaks(tmp_path):
    folder = tmp_path / "recordings" / "tl"
    folder.mkdir(parents=True)
    hum = Hum().speak("x", "en", 4.0)
    soundfile.write(folder / "go.wav", hum.values, hum.rate)
    with (folder / "sentences.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "file"), ("Lumikas na kayo.", "go.wav")])
    opened = ScriptSynthesizer(tmp_path, [Hum()])
    assert opened.speak(script("Lumikas na kayo.", "tl"), FM_AUDIO).voice == "fragments"


class Lying(Hum):
    """A voice that returns whatever a broken engine may return."""

    def __init__(self, values):
        super().__init__("liar")
        self.values = values

    def speak(self, text, language, rate):
        return Samples(self.values, 24000)


NOISE = np.random.default_rng(1).normal(0, 0.1, 24000 * 60).astype("float32")


@pytest.mark.parametrize(
    "values",
    [
        np.full(24000, np.nan, dtype="float32"),
        np.zeros(48000, dtype="float32"),
        NOISE[:0],
        NOISE[:2400],
        NOISE,
    ],
    ids=["not numbers", "silence", "nothing", "cut short", "without end"],
)
def test_a_voice_that_lies_is_found_out(tmp_path, values):
    opened = ScriptSynthesizer(tmp_path, [Lying(values), Hum("honest")])
    assert opened.speak(script(), CALL_AUDIO).voice == "honest"
    assert len(list((tmp_path / "sounds").iterdir())) == 1


def fake_program(folder, body):
    path = Path(folder, "speaker")
    path.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Program(
        "fake", ("en",), lambda source, target, rate: [str(path), str(source), str(target)], timeout=5.0
    )


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(3)",
        "import sys; open(sys.argv[2], 'wb').close()",
        "import sys, wave\nw = wave.open(sys.argv[2], 'wb'); w.setparams((1, 2, 8000, 0, 'NONE', ''))\n"
        "w.writeframes(bytes(16000)); w.close()",
    ],
    ids=["it fails", "an empty file", "silence"],
)
def test_a_program_that_does_not_speak_is_unavailable(tmp_path, body):
    with pytest.raises(VoiceUnavailable):
        fake_program(tmp_path, body).speak("Go", "en", 4.0)


@pytest.mark.parametrize("opens", [program.flite, program.open_jtalk], ids=["flite", "open_jtalk"])
def test_the_programs_of_the_system_speak(opens):
    try:
        voice = opens()
    except VoiceUnavailable as error:
        pytest.skip(str(error))
    text = "ヒナンシジ。" if voice.languages == ("ja",) else WORDS
    assert len(voice.speak(text, voice.languages[0], 4.0).values) > 8000


def test_ours_are_found_in_order_and_without_loading_an_engine():
    names = [voice.name.split()[0] for voice in voices.installed_voices()]
    assert names[0] == "openjtalk"
    assert "pyttsx3" in names
