"""The synthesizer: scripts become files that are what was asked for."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile

from alertd.errors import UnknownLanguage, VoiceUnavailable
from alertd.speech import (
    CALL_AUDIO,
    CALL_MP3_AUDIO,
    FM_AUDIO,
    OUTDOOR_AUDIO,
    OUTDOOR_WIDE_AUDIO,
    Chime,
    Dtmf,
    Pause,
    Samples,
    Say,
    Script,
)
from tts.loudness import loudness
from tts.mastering import SUBTYPES, true_peak
from tts.synthesizer import ScriptSynthesizer

ORDER = "警戒レベル4、避難指示。嵐南地区の方は、今すぐ避難してください。"
FORMATS = [CALL_AUDIO, CALL_MP3_AUDIO, FM_AUDIO, OUTDOOR_AUDIO, OUTDOOR_WIDE_AUDIO]
NAMES = ["call", "call-mp3", "fm", "outdoor", "outdoor-wide"]


def script(text=ORDER, language="ja", **parts):
    return Script(language=language, parts=(Pause(1.0), Say(text)), **parts)


@pytest.mark.parametrize("format", FORMATS, ids=NAMES)
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ja", ORDER),
        ("ja-easy", "川（かわ）の 水（みず）が あふれそうです。今（いま）すぐ 逃（に）げて ください。"),
        ("en", "Alert Level 4: Evacuation Order. The Ikarashi River may overflow. Evacuate now."),
        ("zh-Hans", "三条市发布避难指示。五十岚川可能泛滥。请立即避难。"),
        ("vi", "Lệnh sơ tán. Sông có thể tràn bờ. Hãy sơ tán ngay bây giờ."),
        ("pt", "Ordem de evacuação. O rio pode transbordar. Evacue agora mesmo."),
    ],
)
def test_every_channel_gets_its_format_and_level(synthesizer, language, text, format):
    sound = synthesizer.speak(script(text, language), format)
    info = soundfile.info(sound.path)
    assert (info.samplerate, info.channels, info.subtype) == (
        format.rate,
        format.channels,
        SUBTYPES[format.encoding],
    )
    values, _ = soundfile.read(sound.path, dtype="float32", always_2d=True)
    coding = 0.6 if format is CALL_MP3_AUDIO else 0.0  # the coder takes half a decibel away
    assert loudness(values, format.rate) == pytest.approx(format.loudness - coding, abs=0.5)
    assert true_peak(values, format.rate) <= format.true_peak
    assert sound.unread == ""
    assert sound.path.name == f"{sound.digest}{format.suffix}"


def test_what_is_kept_is_given_again_and_a_damaged_file_is_made_anew(synthesizer):
    first = synthesizer.speak(script(), CALL_AUDIO)
    assert synthesizer.speak(script(), CALL_AUDIO) == first
    good = first.path.read_bytes()
    first.path.write_bytes(good[: len(good) // 2])
    assert synthesizer.speak(script(), CALL_AUDIO).path.read_bytes() == good


def test_the_approver_sees_the_kana_and_what_nobody_would_hear(synthesizer):
    asked = script("嵐南地区です。☃がいます。")
    assert synthesizer.reading(asked) == "ランナンチクデス。\n☃ガイマス。"
    assert synthesizer.speak(asked, CALL_AUDIO).unread == "☃"


def test_a_line_of_signs_is_told_and_not_lost(synthesizer):
    assert synthesizer.speak(script("避難してください。\n☃☃☃"), CALL_AUDIO).unread == "☃"


def test_a_full_disk_is_no_voice_and_stops_nobody_else(tmp_path):
    (tmp_path / "sounds").write_text("in the way of the folder", encoding="utf-8")
    opened = ScriptSynthesizer(tmp_path, [Counting()])
    with pytest.raises(VoiceUnavailable, match="stored"):
        opened.speak(script("Go now.", "en"), CALL_AUDIO)


def test_a_reading_typed_for_one_alert_wins_over_the_dictionary(synthesizer):
    assert synthesizer.reading(script("嵐南地区", readings={"嵐南": "あらしみなみ"})) == "アラシミナミチク"


def test_an_unknown_language_is_refused_and_never_spoken_in_english(synthesizer):
    with pytest.raises(UnknownLanguage, match="tl"):
        synthesizer.speak(script("Lumikas na kayo.", "tl"), CALL_AUDIO)


def test_tones_need_no_words(synthesizer):
    sound = synthesizer.speak(Script(language="ja", parts=(Dtmf("12#"),)), FM_AUDIO)
    assert (sound.voice, sound.seconds) == ("tones", pytest.approx(0.6))


def test_a_chime_leaves_the_level_of_the_speech_alone(synthesizer):
    plain = synthesizer.speak(script(), FM_AUDIO)
    chimed = synthesizer.speak(Script(language="ja", parts=(Chime.UP, *script().parts)), FM_AUDIO)
    one, _ = soundfile.read(plain.path, dtype="float32", always_2d=True)
    other, _ = soundfile.read(chimed.path, dtype="float32", always_2d=True)
    assert loudness(other[-len(one) :], 48000) == pytest.approx(loudness(one, 48000), abs=0.1)


class Counting:
    """A voice that hums and counts."""

    languages = ("ja", "en")

    def __init__(self, name="hum", fails=False):
        self.name, self.fails, self.spoken = name, fails, []

    def speak(self, text, language, rate):
        import numpy as np

        self.spoken.append(text)
        if self.fails:
            raise VoiceUnavailable("it has no breath")
        time = np.arange(int(24000 * (0.5 + len(text) / 2 / rate))) / 24000
        hum = np.sin(2 * np.pi * 440 * time) * (0.2 + 0.15 * np.sin(2 * np.pi * 4 * time))
        return Samples(hum.astype("float32"), 24000)


def test_ten_who_ask_at_once_get_one_rendering(tmp_path):
    voice = Counting()
    opened = ScriptSynthesizer(tmp_path, [voice])
    with ThreadPoolExecutor(10) as threads:
        sounds = list(threads.map(lambda _: opened.speak(script("Now.", "en"), CALL_AUDIO), range(10)))
    assert len({sound.digest for sound in sounds}) == 1
    assert voice.spoken == ["Now."]


def test_a_voice_that_fails_gives_way_and_rests_after_three_failures(tmp_path):
    broken, whole = Counting("broken", fails=True), Counting("whole")
    opened = ScriptSynthesizer(tmp_path, [broken, whole])
    for number in range(6):
        assert opened.speak(script(f"Go {number}.", "en"), CALL_AUDIO).voice == "whole"
    assert len(broken.spoken) == 3


def test_when_no_voice_works_it_says_so(tmp_path):
    with pytest.raises(VoiceUnavailable):
        ScriptSynthesizer(tmp_path, [Counting(fails=True)]).speak(script("Go.", "en"), CALL_AUDIO)


def test_nothing_is_printed_that_a_machine_could_take_for_our_output(tmp_path):
    program = (
        "from pathlib import Path; from tts.synthesizer import open_synthesizer as o;"
        "from alertd.speech import Script, Say, CALL_AUDIO;"
        "s = o(Path(__import__('sys').argv[1]));"
        "s.speak(Script(language='ja', parts=(Say('訓練です。'),)), CALL_AUDIO);"
        "s.speak(Script(language='en', parts=(Say('Drill.'),)), CALL_AUDIO); s.close()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_importing_loads_no_engine():
    program = "import sys, tts.synthesizer; print([m for m in ('numpy', 'pyopenjtalk') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("text", ["", "。。。", "★★★"])
def test_a_script_without_anything_to_say_blames_no_voice(tmp_path, text):
    voice = Counting()
    opened = ScriptSynthesizer(tmp_path, [voice])
    for _ in range(4):
        with pytest.raises(VoiceUnavailable):
            opened.speak(script(text, "en"), CALL_AUDIO)
    assert voice.spoken == []


def test_a_text_that_nobody_can_speak_lets_no_voice_rest(tmp_path):
    first, second = Counting("first", fails=True), Counting("second", fails=True)
    opened = ScriptSynthesizer(tmp_path, [first, second])
    for number in range(4):
        with pytest.raises(VoiceUnavailable):
            opened.speak(script(f"No {number}.", "en"), CALL_AUDIO)
    first.fails = second.fails = False
    assert opened.speak(script("Yes, it can be said now.", "en"), CALL_AUDIO).voice == "first"


def test_a_voice_that_failed_is_told_of_until_it_speaks_again(tmp_path):
    first, second = Counting("first"), Counting("second")
    opened = ScriptSynthesizer(tmp_path, [first, second])
    assert opened.speak(script("One.", "en"), CALL_AUDIO).ailing == ""
    first.fails = True
    for number in range(5):  # it rests from the third on
        assert opened.speak(script(f"Go {number}.", "en"), CALL_AUDIO).ailing == "first: it has no breath"
    first.fails = False
    assert opened.speak(script("One.", "en"), CALL_AUDIO).ailing, "what was kept is no proof that it speaks"
    opened._chain._rests_until.clear()
    assert opened.speak(script("It speaks.", "en"), CALL_AUDIO).ailing == ""
