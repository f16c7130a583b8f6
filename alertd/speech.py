"""The Synthesizer port: a script of words, pauses and tones becomes one sound file.

`alertd.render` writes scripts; the `tts` package speaks them. Voices (engines) and
synthesizers are found by the entry-point groups `alertd.voices` and
`alertd.synthesizers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # numpy costs 0.1 s to import, and most who import this module make no sound
    import numpy as np
    import numpy.typing as npt


class Encoding(StrEnum):
    """How samples are written in the file."""

    #: ITU-T G.711 µ-law, 8 bits
    ULAW = "ulaw"
    #: linear, 16 bits signed
    PCM16 = "pcm16"
    #: linear, 24 bits signed
    PCM24 = "pcm24"
    #: MPEG layer III at a constant bit rate, a file of its own kind
    MP3 = "mp3"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """The sound file that a channel wants: WAV, or MP3."""

    encoding: Encoding
    #: samples per second and channel
    rate: int
    #: 1 mono, 2 both ears the same
    channels: int
    #: integrated loudness of the speech, LUFS (ITU-R BS.1770), after the channel layout
    loudness: float
    #: ceiling of the true peak, dBTP
    true_peak: float
    #: everything below is cut, Hz; 0 = nothing
    high_pass: float = 0.0

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return ".mp3" if self.encoding is Encoding.MP3 else ".wav"


#: A telephone line: 8 kHz µ-law mono.
CALL_AUDIO = AudioFormat(
    encoding=Encoding.ULAW, rate=8000, channels=1, loudness=-16.0, true_peak=-3.0, high_pass=250.0
)
#: A telephone that hears more than a line carries: the far end takes what it needs of 16 kHz.
CALL_MP3_AUDIO = AudioFormat(
    encoding=Encoding.MP3, rate=16000, channels=1, loudness=-16.0, true_peak=-3.0, high_pass=250.0
)
#: A broadcaster's line: 48 kHz stereo.
FM_AUDIO = AudioFormat(encoding=Encoding.PCM24, rate=48000, channels=2, loudness=-23.0, true_peak=-1.5)
#: A broadcaster's entrance for streams: the same as MP3.
FM_MP3_AUDIO = AudioFormat(encoding=Encoding.MP3, rate=48000, channels=2, loudness=-23.0, true_peak=-1.5)
#: Loudspeakers outdoors fed by G.711: 8 kHz µ-law mono, louder and slower.
OUTDOOR_AUDIO = AudioFormat(
    encoding=Encoding.ULAW, rate=8000, channels=1, loudness=-14.0, true_peak=-1.5, high_pass=200.0
)
#: Loudspeakers outdoors that a gateway feeds with files: 16 kHz, as loud and as slow.
OUTDOOR_WIDE_AUDIO = AudioFormat(
    encoding=Encoding.PCM16, rate=16000, channels=1, loudness=-14.0, true_peak=-1.5, high_pass=200.0
)


@dataclass(frozen=True, slots=True)
class Say:
    """Words to be spoken, as written; the synthesizer turns them into spoken form.

    `rate` is in morae per second, pauses included; 6.4 is how people talk. A language
    without morae is spoken at the same fraction of its own natural pace.
    `gap` is the silence between sentences in seconds.
    """

    text: str
    rate: float = 5.0
    gap: float = 0.5


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence, in seconds."""

    seconds: float


class Chime(StrEnum):
    """A four-note bell; never an imitation of an official warning sound."""

    #: rising: an announcement begins
    UP = "up"
    #: falling: it has ended
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Dtmf:
    """ITU-T Q.23 digits: `0-9 * # A-D`; start and end signals of receivers."""

    digits: str


@dataclass(frozen=True, slots=True)
class Siren:
    """A motor siren: seconds of sound and of silence in turn, as a municipality's signal table has them.

    It never imitates the sounds of J-ALERT, of the earthquake early warning or of EWS.
    """

    pattern: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A sound file that somebody supplied, such as the signal of a maker of receivers."""

    path: Path
    #: SHA-256 of the file when it was configured
    digest: str


Part = Say | Pause | Chime | Dtmf | Siren | Recording
#: What switches receivers on and off, or wakes people up.
Signal = Dtmf | Siren | Recording


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What sounds on a channel besides the words; None = nothing."""

    #: before everything: switches receivers on
    start: Signal | None = None
    #: after everything: switches them off again
    end: Signal | None = None
    #: before the words of an order to evacuate
    siren: Signal | None = None


#: Words only.
NO_SIGNALS = Signals()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is to be heard, part after part, in one language.

    `readings` gives the kana (ja) of words for this script alone; they win over
    every dictionary.
    """

    language: str
    parts: tuple[Part, ...]
    readings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A finished sound file: content-addressed, verified, never changed."""

    #: SHA-256 of the file, hexadecimal; also its name
    digest: str
    path: Path
    seconds: float
    format: AudioFormat
    #: what spoke it, e.g. "openjtalk 0.4.1 mei_normal"
    voice: str
    #: kana (ja) or the spoken form of every word, for the approver's eyes
    reading: str
    #: characters of the text that no voice could read; shown to the approver
    unread: str = ""
    #: voices that should have spoken it and failed since they last spoke, with the reasons
    ailing: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """Mono sound in memory: float32, ±1.0, `rate` samples per second."""

    values: npt.NDArray[np.float32]
    rate: int


@runtime_checkable
class Voice(Protocol):
    """One speech engine with one voice (entry point `alertd.voices`: a callable without
    arguments that returns it; it raises VoiceUnavailable when it cannot run here)."""

    @property
    def name(self) -> str:
        """Engine, version and voice: part of every cache key."""
        ...

    @property
    def languages(self) -> Sequence[str]:
        """BCP 47 tags that it speaks well, e.g. "ja", "en"."""
        ...

    def speak(self, text: str, language: str, rate: float) -> Samples:
        """Speak one sentence in spoken form. Never returns silence or a part.

        Raises VoiceUnavailable; may be called from several threads.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a word is read in Japanese: what a voice is taught."""

    #: the word as it is written
    surface: str
    #: kana as a dictionary prints it, long vowels as vowels, e.g. "シタダ", "ニッコウチョウ"
    kana: str
    #: katakana as it is spoken, long vowels as "ー"; empty = derived from `kana`
    pronunciation: str = ""
    #: the mora after which the pitch falls, 0 = it does not; None = not known
    accent: int | None = None


@runtime_checkable
class Reads(Protocol):
    """What a Japanese voice may offer besides: it can be taught words, and it can tell
    how it reads a text without speaking it."""

    def learn(self, readings: Sequence[Reading], folder: Path) -> None:
        """From now on read these words so; replaces what was taught before. What it
        compiles of them it may keep in `folder`. Raises VoiceUnavailable."""
        ...

    def reading(self, text: str) -> str:
        """Katakana as they would be spoken, with the punctuation; a character that it
        cannot read stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class CheckedName:
    """A name, the kana it should have, and the kana that the voice gives it."""

    surface: str
    kana: str
    heard: str
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedNames:
    """What became of a list of names that voices were to be taught."""

    #: read right without an entry in the dictionary
    already_right: int
    #: given an entry, and read right now
    learnt: tuple[CheckedName, ...]
    #: read wrong in spite of it: a person must look
    still_wrong: tuple[CheckedName, ...]
    #: where the entries are; None = nothing was kept
    file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownReading:
    """An entry of the dictionary and how we know it."""

    reading: Reading
    source: str = ""
    verified_by: str = ""


@runtime_checkable
class KeepsReadings(Protocol):
    """What a synthesizer may offer besides: a dictionary of readings that can be added to."""

    def import_readings(self, data: bytes, name: str, *, dry_run: bool = False) -> ImportedNames:
        """Learn the names of a CSV file (with kana) that are read wrong so far; an earlier
        import under the same `name` is replaced. Raises WrongInput or VoiceUnavailable."""
        ...

    def check_readings(self, data: bytes) -> Sequence[CheckedName]:
        """How the names of a CSV file are read now. Raises WrongInput or VoiceUnavailable."""
        ...

    def readings(self) -> Sequence[KnownReading]:
        """Every entry of the dictionary."""
        ...

    def keep_reading(self, entry: KnownReading) -> CheckedName:
        """Learn one entry, which wins over every other one for its word; how the word is read
        then. Raises WrongInput or VoiceUnavailable."""
        ...


class Synthesizer(Protocol):
    """Makes scripts into sound files (entry point `alertd.synthesizers`)."""

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        """The finished file; the same script and format give the same file at once.

        Raises UnknownLanguage or VoiceUnavailable. Safe from several threads and
        processes.
        """
        ...

    def reading(self, script: Script) -> str:
        """How the words would be read, without making a sound."""
        ...

    def close(self) -> None:
        """Ends child processes; may be called twice."""
        ...


#: What the entry point is: storage folder in, synthesizer out.
SynthesizerFactory = Callable[[Path], Synthesizer]
