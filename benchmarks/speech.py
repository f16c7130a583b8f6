"""How fast and how well alerts are spoken: prints the figures, `--json` for machines.

    python benchmarks/speech.py [--json]

Times are wall-clock on this machine; run it when nothing else does. The cold figure is a
new process that has never spoken, with its compiled dictionary already there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from alertd.clock import stopwatch
from alertd.speech import CALL_AUDIO, FM_AUDIO, OUTDOOR_AUDIO, Pause, Samples, Say, Script, Sound
from tts.assembly import RATE, resampled
from tts.loudness import loudness
from tts.mastering import true_peak
from tts.synthesizer import open_synthesizer

ALERT = (
    "三条市から、緊急の、お知らせです。警戒レベル4、避難指示。五十嵐川が、氾濫する、おそれがあります。"
    "嵐南地区の、危ない場所にいる方は、今すぐ、避難してください。避難所は、第一中学校と、嵐南小学校です。"
    "外に出るのが、危険なときは、2階など、高いところへ、移動してください。"
)
TRANSLATIONS = {
    "en": "Emergency notice from Sanjo City. Alert Level 4: Evacuation Order. The Ikarashi River may "
    "overflow. Everyone in dangerous places in Rannan: evacuate now. If going out is dangerous, move upstairs.",
    "zh-Hans": "三条市紧急通知。警戒级别4，避难指示。五十岚川可能泛滥。请立即避难。如果外出有危险，请移动到二楼。",
    "vi": "Thông báo khẩn cấp từ thành phố Sanjo. Mức cảnh báo 4, lệnh sơ tán. Hãy sơ tán ngay bây giờ.",
    "pt": "Aviso de emergência da cidade de Sanjo. Alerta nível 4: ordem de evacuação. Evacue agora.",
}
FORMATS = {"call": CALL_AUDIO, "fm": FM_AUDIO, "outdoor": OUTDOOR_AUDIO}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments.add_argument("--cold-in", type=Path, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.cold_in:
        print(_seconds(chosen.cold_in))
        return
    figures = measured()
    if chosen.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")


def measured() -> dict[str, float]:
    """Every figure by name; seconds, LUFS, dBTP and dB as the name says."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="alertd-speech-") as folder:
        storage = Path(folder)
        _seconds(storage / "first")
        for cold in (storage / "first" / "sounds", storage / "first" / "sentences"):
            for file in cold.iterdir():
                file.unlink()
        command = [sys.executable, __file__, "--cold-in", str(storage / "first")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures["ja_call_cold_seconds"] = float(done.stdout)
        synthesizer = open_synthesizer(storage / "second")
        synthesizer.speak(_script("ja", "訓練です。"), CALL_AUDIO)
        started = stopwatch()
        wanted = {
            (language, kind): (_script(language, text), format)
            for language, text in {"ja": ALERT, **TRANSLATIONS}.items()
            for kind, format in FORMATS.items()
        }
        # two at once, as the artefacts of an alert are made
        with ThreadPoolExecutor(2) as pool:
            sounds = pool.map(lambda one: synthesizer.speak(*one), wanted.values())
            spoken = dict(zip(wanted, sounds, strict=True))
        figures["fifteen_files_warm_seconds"] = round(stopwatch() - started, 2)
        started = stopwatch()
        synthesizer.speak(_script("ja", ALERT), CALL_AUDIO)
        figures["ja_call_cached_ms"] = round((stopwatch() - started) * 1000, 1)
        synthesizer.close()
        for (language, kind), sound in spoken.items():
            level, peak = _levels(sound)
            figures[f"{language}_{kind}_lufs"] = round(level, 2)
            figures[f"{language}_{kind}_dbtp"] = round(peak, 2)
    figures["alias_rejection_db"] = round(alias_rejection(), 1)
    return figures


def alias_rejection() -> float:
    """How far a sweep of 4.5 to 20 kHz falls when 48 kHz becomes a telephone's 8 kHz, dB."""
    time = np.arange(4 * RATE) / RATE
    sweep = np.sin(2 * np.pi * (4500 * time + (20000 - 4500) / 8 * time**2))
    fade = np.minimum(1.0, np.minimum(time, 4 - time) / 0.2)
    quiet = resampled(Samples((sweep * fade).astype(np.float32), RATE), 8000).values
    return float(20 * np.log10(np.sqrt(np.mean(sweep**2)) / np.sqrt(np.mean(quiet**2))))


def _script(language: str, text: str) -> Script:
    return Script(language=language, parts=(Pause(1.0), Say(text, rate=5.0)))


def _seconds(storage: Path) -> float:
    started = stopwatch()
    synthesizer = open_synthesizer(storage)
    synthesizer.speak(_script("ja", ALERT), CALL_AUDIO)
    synthesizer.close()
    return round(stopwatch() - started, 2)


def _levels(sound: Sound) -> tuple[float, float]:
    values, rate = soundfile.read(sound.path, dtype="float32", always_2d=True)
    return loudness(values, rate), true_peak(values, rate)


if __name__ == "__main__":
    main()
