"""The answer-back of one station (子局), and what it says of a delivery."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from alertd.channel import Outcome, Reason, Receipt
from channels.signed_report import SignedReport


class State(StrEnum):
    """How far an announcement has come at one station, in the gateway's words."""

    #: other announcements go first
    WAITING = "waiting"
    #: being spoken
    ON_AIR = "on_air"
    #: spoken, and the station has confirmed it
    ANSWERED = "answered"
    #: spoken, and the station has no way to confirm anything
    SENT = "sent"
    #: spoken, and the station should have confirmed it and has not
    NO_ANSWER = "no_answer"
    #: the station has answered that it could not speak
    FAULT = "fault"
    #: taken off before it was spoken
    WITHDRAWN = "withdrawn"
    #: no station has this number
    UNKNOWN_STATION = "unknown_station"


class Answer(SignedReport):
    """What the gateway says of one station."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State
    #: of a station that answered: how its battery is
    battery: Literal["ok", "low"] | None = None
    #: the gateway's name for the announcement
    announcement: str | None = Field(default=None, max_length=100)


#: a station without an answer is neither a failure nor a success (ARIB's one-way stations never answer)
_MEANINGS: dict[State, tuple[Outcome, Reason | None, str]] = {
    State.WAITING: (Outcome.ACCEPTED, None, "waits behind other announcements"),
    State.ON_AIR: (Outcome.ACCEPTED, None, "is being spoken"),
    State.ANSWERED: (Outcome.DELIVERED, None, "the station has answered"),
    State.SENT: (Outcome.ACCEPTED, Reason.UNCONFIRMED, "sent, unconfirmed: this station cannot answer"),
    State.NO_ANSWER: (Outcome.ACCEPTED, Reason.UNCONFIRMED, "sent, unconfirmed: the station did not answer"),
    State.FAULT: (Outcome.FAILED, Reason.OTHER, "the station answers that it could not speak"),
    State.WITHDRAWN: (Outcome.FAILED, Reason.REFUSED, "taken off before it was spoken"),
    State.UNKNOWN_STATION: (
        Outcome.FAILED,
        Reason.BAD_ADDRESS,
        "the gateway knows no station of this number",
    ),
}


def receipt_of(answer: Answer) -> Receipt:
    """The receipt of a station's answer; an answer alone is `delivered`."""
    outcome, reason, detail = _MEANINGS[answer.state]
    if answer.battery == "low":
        detail += "; its battery is low"
    return Receipt(key=answer.key, outcome=outcome, reason=reason, ref=answer.announcement, detail=detail)
