"""The words that a line says besides the message, as sound files: menu, thanks and closing.

An exchange has no voice of its own, so they are recorded beforehand by ours, once:
`python -m channels.sip_words FOLDER`.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from alertd.channel import Answer
from alertd.errors import AlertdError
from alertd.registry import open_synthesizer
from alertd.speech import CALL_AUDIO, Say, Script, Synthesizer
from channels.call_script import Menu
from channels.call_words import words

LANGUAGES = ("ja", "ja-easy", "en")
CLOSING = "closing"


def menu(name: Menu) -> str:
    """The part that a menu is."""
    return f"menu-{name}"


def thanks(answer: Answer) -> str:
    """The part that the reply to an answer is."""
    return f"thanks-{answer}"


def recording(folder: Path, language: str, part: str, *, exercise: bool) -> Path | None:
    """The file of one part in a language (`ja-JP` finds `ja`); None = there is none."""
    for tag in (language, language.partition("-")[0]):
        file = folder / _name(tag, part, exercise=exercise)
        if file.exists():
            return file
    return None


def record(folder: Path, synthesizer: Synthesizer, languages: Sequence[str] = LANGUAGES) -> None:
    """Make every part in these languages; files that are there are replaced. Raises SpeechError."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        for exercise in (False, True):
            for part, text in _parts(language, exercise=exercise).items():
                script = Script(language=language, parts=(Say(text),))
                made = synthesizer.speak(script, CALL_AUDIO)
                shutil.copyfile(made.path, folder / _name(language, part, exercise=exercise))


def _parts(language: str, *, exercise: bool) -> Mapping[str, str]:
    spoken = words(language, exercise=exercise)
    return {
        **{f"menu-{name}": text for name, text in spoken.menus.items()},
        **{thanks(answer): text for answer, text in spoken.thanks.items()},
        CLOSING: spoken.closing,
    }


def _name(language: str, part: str, *, exercise: bool) -> str:
    return f"{language}-{'exercise' if exercise else 'actual'}-{part}.wav"


def main() -> None:
    """The command `python -m channels.sip_words FOLDER`."""
    parser = argparse.ArgumentParser(
        prog="python -m channels.sip_words",
        description="Records the key menu, the thanks and the closing words of calls over an exchange.",
        epilog="example: python -m channels.sip_words /srv/alertd/call-words",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="named by `words` in the section")
    folder: Path = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as storage:
        synthesizer = open_synthesizer(Path(storage))
        try:
            record(folder, synthesizer)
        except AlertdError as error:
            raise SystemExit(str(error)) from error
        finally:
            synthesizer.close()


if __name__ == "__main__":
    main()
