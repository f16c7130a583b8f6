"""The sound itself: no aliases, right tones, right levels, and bad files found out."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from alertd.speech import CALL_AUDIO, FM_AUDIO, OUTDOOR_AUDIO, Chime, Samples
from tts.assembly import RATE, Piece, resampled, tracks, trimmed
from tts.loudness import loudness
from tts.mastering import SUBTYPES, limited, mastered, true_peak
from tts.similarity import similarity
from tts.store import SoundStore
from tts.tones import DTMF_COLUMNS, DTMF_ROWS, chime, dtmf
from tts.verification import BadSound, verify

ALL_DIGITS = "0123456789*#ABCD"


def tone(frequency, seconds=1.0, rate=RATE):
    at = np.arange(int(seconds * rate)) / rate
    fade = np.minimum(1.0, np.minimum(at, seconds - at) / 0.05)
    return Samples((0.5 * np.sin(2 * np.pi * frequency * at) * fade).astype("float32"), rate)


def strength(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples.values.astype("float64") ** 2)))


@pytest.mark.parametrize("frequency", [4300, 5000, 7000, 12000, 20000])
def test_nothing_above_a_telephone_line_folds_into_it(frequency):
    assert strength(tone(frequency)) - strength(resampled(tone(frequency), 8000)) >= 80


@pytest.mark.parametrize("frequency", [300, 1000, 3400])
def test_what_a_telephone_line_carries_is_left_alone(frequency):
    assert strength(resampled(tone(frequency), 8000)) == pytest.approx(strength(tone(frequency)), abs=0.1)


def heard_digits(samples):
    """An independent decoder: which two frequencies are strongest in each 200 ms."""
    step = int(0.2 * samples.rate)
    digits = ""
    for start in range(0, len(samples.values) - step // 2, step):
        part = samples.values[start : start + step // 2] * np.hanning(step // 2)
        at = np.arange(len(part)) / samples.rate

        def level(frequency, part=part, at=at):
            return abs(np.sum(part * np.exp(-2j * np.pi * frequency * at)))

        row = max(DTMF_ROWS, key=lambda keys: level(DTMF_ROWS[keys]))
        column = max(DTMF_COLUMNS, key=lambda keys: level(DTMF_COLUMNS[keys]))
        digits += (set(row) & set(column)).pop()
    return digits


@pytest.mark.parametrize("format", [CALL_AUDIO, FM_AUDIO, OUTDOOR_AUDIO], ids=["call", "fm", "outdoor"])
def test_all_dtmf_digits_survive_every_format(tmp_path, format):
    path = written(tmp_path, [Piece(dtmf(ALL_DIGITS, RATE), tone=True)], format)
    values, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert heard_digits(Samples(values[:, 0], rate)) == ALL_DIGITS


@pytest.mark.parametrize("kind", ["ulaw", "mp3"])
def test_a_receiver_of_others_decodes_all_dtmf_digits(tmp_path, kind):
    program = shutil.which("multimon-ng")
    if program is None:
        pytest.skip("the program multimon-ng is not installed")
    samples = resampled(dtmf(ALL_DIGITS, RATE), 8000 if kind == "ulaw" else 16000)
    coded = tmp_path / f"coded.{'wav' if kind == 'ulaw' else 'mp3'}"
    options = {"subtype": "ULAW"} if kind == "ulaw" else {}
    soundfile.write(coded, samples.values * 0.5, samples.rate, **options)
    values, rate = soundfile.read(coded, dtype="float32")
    raw = (resampled(Samples(values, rate), 22050).values * 32767).astype("<i2").tobytes()
    done = subprocess.run(
        [program, "-q", "-a", "DTMF", "-t", "raw", "-"], input=raw, capture_output=True, check=True
    )
    found = [line.split()[-1] for line in done.stdout.decode().splitlines() if line.startswith("DTMF")]
    assert "".join(found) == ALL_DIGITS


def test_a_digit_that_is_none_is_refused():
    with pytest.raises(ValueError, match="E"):
        dtmf("1E", RATE)


def test_the_chime_rises_and_falls_and_holds_no_tone_of_a_warning_signal():
    up, down = chime(Chime.UP, RATE).values, chime(Chime.DOWN, RATE).values
    first = abs(np.fft.rfft(up[: RATE // 3]))
    last = abs(np.fft.rfft(down[: RATE // 3]))
    assert np.argmax(first) < np.argmax(last)
    for kind in (up, down):
        spectrum = abs(np.fft.rfft(kind, RATE * 4))
        # the broadcasters' emergency signal is 640 and 1024 Hz
        assert max(spectrum[640 * 4], spectrum[1024 * 4]) < 0.1 * spectrum.max()


def speechlike(seconds=4.0, seed=0):
    """Noise in syllables: like speech to a meter and unlike any other seed."""
    random = np.random.default_rng(seed)
    syllables = random.uniform(0.05, 1.0, int(seconds * 6))
    envelope = np.interp(
        np.linspace(0, len(syllables), int(seconds * RATE)), range(len(syllables)), syllables
    )
    return Samples((random.normal(0, 0.08, len(envelope)) * envelope).astype("float32"), RATE)


def written(folder, pieces, format):
    speech, tones = tracks(pieces)
    path = folder / "sound.wav"
    soundfile.write(
        path, mastered(speech, tones, format), format.rate, format="WAV", subtype=SUBTYPES[format.encoding]
    )
    verify(path, format, speech, tones)
    return path


@pytest.mark.parametrize("format", [CALL_AUDIO, FM_AUDIO, OUTDOOR_AUDIO], ids=["call", "fm", "outdoor"])
def test_level_and_peak_are_right_after_the_channel_layout(tmp_path, format):
    path = written(tmp_path, [Piece(seconds=1.0), Piece(speechlike())], format)
    values, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert loudness(values, rate) == pytest.approx(format.loudness, abs=0.5)
    assert true_peak(values, rate) <= format.true_peak


def test_the_limiter_holds_the_peak_between_the_samples():
    clicks = np.zeros((RATE, 1), dtype="float32")
    clicks[::4801, 0] = 1.0
    clicks[2::4801, 0] = -1.0
    assert true_peak(limited(clicks, RATE, -6.0), RATE) <= -5.9


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda values: values[: len(values) * 3 // 4], "lasts"),
        (lambda values: values[::-1], "resembles"),
        (lambda values: np.roll(values, 800, axis=0), "resembles"),
        (lambda values: values * 0.5, "loudness"),
        (lambda values: np.clip(values * 3, -1, 1), "true peak"),
        (lambda values: values * 0, "true peak"),
        (
            lambda values: np.concatenate(
                [values[: len(values) * 3 // 4], 0 * values[len(values) * 3 // 4 :]]
            ),
            "resembles",
        ),
    ],
    ids=["cut", "backwards", "late", "quiet", "overdriven", "silent", "end missing"],
)
def test_a_spoilt_file_is_found_out(tmp_path, spoil, message):
    speech, tones = tracks([Piece(speechlike())])
    path = written(tmp_path, [Piece(speechlike())], CALL_AUDIO)
    values, rate = soundfile.read(path, dtype="float32", always_2d=True)
    soundfile.write(path, spoil(values), rate, subtype="ULAW")
    with pytest.raises(BadSound, match=message):
        verify(path, CALL_AUDIO, speech, tones)


def test_another_message_and_another_format_are_found_out(tmp_path):
    path = written(tmp_path, [Piece(speechlike(seed=1))], CALL_AUDIO)
    speech, tones = tracks([Piece(speechlike(seed=2))])
    with pytest.raises(BadSound, match="resembles"):
        verify(path, CALL_AUDIO, speech, tones)
    with pytest.raises(BadSound, match="8000 Hz"):
        verify(path, FM_AUDIO, speech, tones)


def test_likeness_is_one_for_the_same_and_small_for_other_speech():
    one, other = speechlike(seed=1).values, speechlike(seed=2).values
    assert similarity(one, RATE, one, RATE) > 0.99
    assert similarity(one * 0.1, RATE, one, RATE) > 0.99
    assert similarity(other, RATE, one, RATE) < 0.4


def test_silence_around_a_sentence_goes_and_the_sentence_stays():
    padded = np.concatenate([np.zeros(RATE), speechlike(1.0).values, np.zeros(RATE)]).astype("float32")
    assert len(trimmed(Samples(padded, RATE)).values) == pytest.approx(RATE, rel=0.1)


def test_pieces_keep_their_places():
    speech, tones = tracks(
        [Piece(seconds=1.0), Piece(tone(440)), Piece(seconds=0.5), Piece(tone(880, 0.25), tone=True)]
    )
    assert len(speech) == len(tones) == int(2.75 * RATE)
    assert not tones[: int(2.5 * RATE)].any()
    assert not speech[int(2.0 * RATE) :].any()


def test_a_reader_never_sees_a_half_written_sound(tmp_path):
    store = SoundStore(tmp_path)
    part = store.part(".wav")
    assert store.find("key", CALL_AUDIO) is None
    part.write_bytes(b"RIFF")
    kept = store.keep("key", part, CALL_AUDIO, seconds=1.0, voice="v", reading="", unread="")
    assert store.find("key", CALL_AUDIO) == kept
    assert list((tmp_path / "parts").iterdir()) == []
