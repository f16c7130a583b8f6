"""A soak of the voices: many renders by two processes with threads, every file listened to.

    python -m tests.tts.soak --renders 1000 [--json]

Each render has words of its own. Counts files that are empty, cut short or spoken by
another voice than the language's own; exit code 1 when there is one.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from alertd.clock import stopwatch
from alertd.errors import SpeechError
from alertd.speech import CALL_AUDIO, CALL_MP3_AUDIO, OUTDOOR_AUDIO, Pause, Say, Script, Sound
from tts.synthesizer import open_synthesizer

PROCESSES, THREADS = 2, 3
WORDS = {
    "ja": "訓練番号{number}。川の近くの方は、今すぐ、避難してください。",
    "en": "Drill number {number}. Everyone near the river: evacuate now.",
    "vi": "Diễn tập số {number}. Hãy sơ tán ngay bây giờ.",
    "zh-Hans": "演习{number}。请立即避难。",
}
#: who may speak a language: how the names of its voices begin
VOICES = {"ja": ("openjtalk",), "en": ("flite", "pyttsx3"), "vi": ("pyttsx3",), "zh-Hans": ("pyttsx3",)}
FORMATS = (CALL_AUDIO, CALL_MP3_AUDIO, OUTDOOR_AUDIO)
#: of the usual length; full scale in the last second before the closing gap
SHORTEST, QUIETEST = 0.7, 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--renders", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.child is not None:
        render(chosen.folder, range(chosen.child, chosen.renders, PROCESSES))
        return 0
    with tempfile.TemporaryDirectory(prefix="alertd-soak-") as folder:
        found = soak(Path(folder), chosen.renders)
    lines = [json.dumps(found)] if chosen.json else [f"{name:12} {found[name]}" for name in found]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return int(any(found[name] for name in ("failed", "empty", "truncated", "wrong_voice")))


def soak(folder: Path, renders: int) -> dict[str, float]:
    """What became of so many renders, by kind."""
    started = stopwatch()
    command = [sys.executable, "-m", "tests.tts.soak", "--folder", str(folder), "--renders", str(renders)]
    root = Path(__file__).parents[2]
    children = [subprocess.Popen([*command, "--child", str(n)], cwd=root) for n in range(PROCESSES)]
    codes = [child.wait() for child in children]
    if any(codes):
        raise RuntimeError(f"a process ended with {codes}")
    reports = (_report(folder, n).read_text(encoding="utf-8") for n in range(PROCESSES))
    lines = [json.loads(line) for report in reports for line in report.splitlines()]
    lengths: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        lengths[line["kind"]].append(line["seconds"])
    usual = {kind: statistics.median(seconds) for kind, seconds in lengths.items()}
    return {
        "renders": len(lines),
        "failed": renders - sum(line["seconds"] > 0 for line in lines),
        "empty": sum(line["peak"] == 0 for line in lines),
        "truncated": sum(
            line["seconds"] < SHORTEST * usual[line["kind"]] or line["end"] < QUIETEST for line in lines
        ),
        "wrong_voice": sum(not line["voice"].startswith(VOICES[line["language"]]) for line in lines),
        "seconds": round(stopwatch() - started, 1),
    }


def render(folder: Path, numbers: Sequence[int]) -> None:
    """Renders these numbers in threads; a line of facts for each goes into the report."""
    logging.disable(logging.CRITICAL)
    opened = open_synthesizer(folder)

    def one(number: int) -> str:
        language = list(WORDS)[number % len(WORDS)]
        format = FORMATS[number // len(WORDS) % len(FORMATS)]
        parts = (Pause(0.5), Say(WORDS[language].format(number=number)))
        try:
            sound = opened.speak(Script(language=language, parts=parts), format)
        except SpeechError:
            return json.dumps(
                {"language": language, "kind": language, "seconds": 0, "peak": 0, "end": 0, "voice": ""}
            )
        return json.dumps({"language": language, "kind": f"{language} {format.rate}", **_facts(sound)})

    with (
        ThreadPoolExecutor(THREADS) as threads,
        _report(folder, numbers[0]).open("w", encoding="utf-8") as file,
    ):
        file.writelines(f"{line}\n" for line in threads.map(one, numbers))
    opened.close()


def _facts(sound: Sound) -> dict[str, object]:
    """What the file itself says, read anew."""
    values, rate = soundfile.read(sound.path, dtype="float32")
    last = values[-int(1.5 * rate) : -int(0.5 * rate)]
    peak = float(np.abs(values).max(initial=0.0))
    end = float(np.abs(last).max(initial=0.0))
    return {"seconds": len(values) / rate, "peak": peak, "end": end, "voice": sound.voice}


def _report(folder: Path, child: int) -> Path:
    return folder / f"report-{child}.jsonl"


if __name__ == "__main__":
    sys.exit(main())
