"""The exceptions of alertd: one tree, each class one sentence.

AlertdError
├── WrongInput               what was given cannot be used; nothing was sent
│   ├── WrongConfiguration   … in the configuration file
│   ├── WrongAlert           … in an alert, a CAP file or a template
│   ├── WrongRecipients      … in a list of recipients
│   └── WrongAudience        … in the choice of whom to alert
├── MoveRefused              the dispatch does not allow this move, or not to this person
├── NotFound                 there is nothing by that name or number
├── WrongSecret              what is stored encrypted was altered, or made with another secret
├── ChannelError
│   ├── ChannelUnavailable   the far end is down; the targets will be tried again
│   │   └── ChannelBusy      … or asks us to wait so many seconds
│   ├── ChannelMisconfigured a person must act before this channel can send
│   └── ForgedCallback       a callback is not from the far end that it names
└── SpeechError
    ├── VoiceUnavailable     no voice could speak this text
    └── UnknownLanguage      no voice is set up for this language
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class AlertdError(Exception):
    """Anything that alertd raises on purpose; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field that has it, what is wrong, and the remedy."""

    field: str
    message: str
    #: the same for Japanese operators; empty = there is only the English
    message_ja: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class WrongInput(AlertdError):
    """What was given cannot be used; nothing was sent."""

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem("", problems),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class WrongConfiguration(WrongInput):
    """The configuration file cannot be used."""


class WrongAlert(WrongInput):
    """The alert, CAP file or template cannot be used."""


class WrongRecipients(WrongInput):
    """The list of recipients cannot be used."""


class WrongAudience(WrongInput):
    """The choice of whom to alert cannot be used."""


class MoveRefused(AlertdError):
    """The dispatch does not allow this move, or not to this person."""


class NotFound(AlertdError):
    """There is nothing by that name or number."""


class WrongSecret(AlertdError):
    """What is stored encrypted was altered, or made with another secret."""


class ChannelError(AlertdError):
    """A channel cannot do what was asked."""


class ChannelUnavailable(ChannelError):
    """The far end is down; the targets will be tried again."""


class ChannelBusy(ChannelUnavailable):
    """The far end asks us to wait before anything more is handed over."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ChannelMisconfigured(ChannelError):
    """A person must act before this channel can send."""


class ForgedCallback(ChannelError):
    """A callback is not from the far end that it names."""


class SpeechError(AlertdError):
    """A text could not be made into sound."""


class VoiceUnavailable(SpeechError):
    """No voice could speak this text."""


class UnknownLanguage(SpeechError):
    """No voice is set up for this language."""
