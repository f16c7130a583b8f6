"""TwiML as the simulated telephone network understands it: documents in, verbs out."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

#: Of <Say>: error 13521. Of a document: 64 kB.
LONGEST_SAY, LONGEST_DOCUMENT = 4096, 65536


class WrongDocument(Exception):
    """What was fetched is no TwiML or no sound that can be played."""


@dataclass(frozen=True, slots=True)
class Say:
    """Words for the far end's voice."""

    text: str
    language: str
    voice: str

    @property
    def seconds(self) -> float:
        """How long it takes to say: 7 Japanese characters or 15 others in a second."""
        return len(self.text) / (7 if self.language.startswith("ja") else 15)


@dataclass(frozen=True, slots=True)
class Play:
    """A sound by its URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another document."""

    url: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """The end."""


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Gather:
    """Wait for one key while and after the prompts."""

    prompts: tuple[Prompt, ...]
    action: str
    #: after the prompts, in seconds
    timeout: float


Verb = Prompt | Gather | Redirect | Hangup


def parse(document: bytes) -> tuple[Verb, ...]:
    """The verbs in order. Raises WrongDocument for what Twilio would stop at."""
    if len(document) > LONGEST_DOCUMENT:
        raise WrongDocument("document longer than 64 kB")
    try:
        root = etree.fromstring(document, _parser())
    except etree.XMLSyntaxError as error:
        raise WrongDocument(f"no XML: {error}") from error
    if root.tag != "Response":
        raise WrongDocument(f"<{root.tag!s}> instead of <Response>")
    return tuple(_verbs(root))


def seconds_of(wav: bytes) -> float:
    """The length of a WAV file in seconds. Raises WrongDocument when it is none.

    Source: Multimedia Programming Interface and Data Specifications 1.0, RIFF WAVE.
    """
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise WrongDocument("no WAV file")
    place, rate = 12, 0
    while place + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, place)
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", wav, place + 16)
        if name == b"data":
            if not rate or size == 0 or place + 8 + size > len(wav):
                raise WrongDocument("a WAV file that is cut short or empty")
            return float(size / rate)
        place += 8 + size + size % 2
    raise WrongDocument("a WAV file without sound")


def digest_of(sound: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(sound).hexdigest()


def _parser() -> etree.XMLParser[etree._Element]:
    """Reads what is written in the document and nothing else."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )


def _verbs(parent: etree._Element) -> Iterator[Verb]:
    for element in parent:
        match element.tag:
            case "Gather" if parent.tag == "Response":
                prompts = tuple(verb for verb in _verbs(element) if isinstance(verb, Prompt))
                if len(prompts) != len(element):
                    raise WrongDocument("<Gather> may hold only <Say>, <Play> and <Pause>")
                if element.get("numDigits") != "1":
                    raise WrongDocument("only numDigits=1 is simulated")
                yield Gather(prompts, element.get("action", ""), float(element.get("timeout", "5")))
            case "Say":
                yield _say(element)
            case "Play":
                yield Play((element.text or "").strip())
            case "Pause":
                yield Pause(float(element.get("length", "1")))
            case "Redirect":
                yield Redirect((element.text or "").strip())
            case "Hangup":
                yield Hangup()
            case other:
                raise WrongDocument(f"<{other!s}> is not simulated")


def _say(element: etree._Element) -> Say:
    text = element.text or ""
    if len(element):
        raise WrongDocument("markup inside <Say> is not simulated")
    if not text.strip():
        raise WrongDocument("an empty <Say>")
    if len(text) > LONGEST_SAY:
        raise WrongDocument("<Say> too long (13521)")
    return Say(text, element.get("language", "en-US"), element.get("voice", "man"))
