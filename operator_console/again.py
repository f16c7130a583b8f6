"""Again: 続報ですか、新しい警報ですか — asked where a real alert has a twin, and what the author has answered."""

from __future__ import annotations

from dataclasses import replace

from alertd.errors import WrongInput
from alertd.issue import Submission
from operator_console.visit import Visit

#: the field of the answer: `new`, or `update:` and the number of a dispatch
FIELD = "again"
_UPDATE = "update:"
_MOST = 50


def updated(visit: Visit) -> int | None:
    """The dispatch of which the author says that this is an update; None = they do not."""
    kind, sign, number = visit.field(FIELD).partition(_UPDATE)
    return _number(number) if sign and not kind else None


def answered(visit: Visit, submission: Submission) -> Submission:
    """The submission with the reason for which it is an alert of its own, and what its author was shown."""
    if visit.field(FIELD) != "new":
        return submission
    shown = (_number(one) for one in visit.fields("beside")[:_MOST])
    return replace(
        submission, anew=visit.field("anew"), beside=tuple(one for one in shown if one is not None)
    )


def question(visit: Visit, error: Exception) -> str | None:
    """What to tell an author who has not answered, or not well; None = something else is wrong."""
    if isinstance(error, WrongInput) and error.problems[0].field in (FIELD, "anew"):
        return visit.problem(error.problems[0])
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
