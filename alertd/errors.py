"""The exceptions of alertd: one tree, each class one sentence.

AlertdError
├── WrongInput               what was given cannot be used; nothing was sent
│   ├── WrongConfiguration   … in the configuration file
│   ├── WrongAlert           … in an alert, a CAP file or a template
│   │   └── SentJustBefore   its author must say whether it is news of another or one of its own
│   ├── WrongRecipients      … in a list of recipients
│   └── WrongAudience        … in the choice of whom to alert
├── MoveRefused              the dispatch does not allow this move, or not to this person
│   ├── OverrideSpent        … because somebody sent alone within the hour
│   └── TooManyThisHour      … before somebody who administers has agreed
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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


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


class SentJustBefore(WrongAlert):
    """An alert of the same kind went before within minutes: it is news of that one, or one of its own."""

    def __init__(self, twins: Sequence[int]) -> None:
        self.twins = tuple(twins)
        named = ", ".join(map(str, self.twins))
        super().__init__(
            Problem(
                "again",
                f"the same kind of alert for some of these areas was handed in within ten minutes ({named}); "
                "say which this is: an update of it (--update-of, update_of), "
                "or a new alert and why (--new-because, new_because)",
                f"同じ種類の発令が10分以内にあります（No.{named}）。続報ですか、新しい警報ですか。"
                "どちらかを選んでください。",
            )
        )


class WrongRecipients(WrongInput):
    """The list of recipients cannot be used."""


class WrongAudience(WrongInput):
    """The choice of whom to alert cannot be used."""


class MoveRefused(AlertdError):
    """The dispatch does not allow this move, or not to this person."""


class OverrideSpent(MoveRefused):
    """Somebody has sent alone within the hour; another approver is needed now."""

    def __init__(self, free_at: datetime, approvers: Sequence[str]) -> None:
        self.free_at = free_at
        self.approvers = tuple(approvers)
        who = ", ".join(self.approvers) or "nobody yet; an administrator gives the role"
        super().__init__(
            f"an alert was sent alone within the hour; ask for ordinary approval ({who}), "
            f"or send alone after {free_at:%H:%M} UTC"
        )


class TooManyThisHour(MoveRefused):
    """So many real alerts went out in an hour that somebody who administers must agree to one more."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} real alerts were let go within the hour; somebody with the role administer "
            "must agree to one more: approve it themselves, or permit it first"
        )


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
