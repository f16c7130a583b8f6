"""The forms of the API: what comes in and what goes out, as its description publishes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from alertd.incoming import Taken

#: without control characters
_Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Value = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]


class AlertRequest(BaseModel):
    """An alert by a prepared template, for the people of areas or groups."""

    model_config = ConfigDict(extra="forbid")

    template: _Word = Field(examples=["flood-4"])
    values: dict[_Word, _Value] = Field(default={}, max_length=50, examples=[{"river": "五十嵐川"}])
    status: Literal["Exercise", "Test", "Actual"] = "Exercise"
    areas: list[_Word] = Field(default=[], max_length=500, examples=[["RNN"]])
    groups: list[_Word] = Field(default=[], max_length=100)
    everybody: bool = False
    #: by channel that goes to other areas than the rest: their codes, or one “*” for the whole city
    elsewhere: dict[_Word, Annotated[list[_Word], Field(min_length=1, max_length=500)]] = Field(
        default={}, max_length=50
    )
    #: why they go there; the approver reads it
    why: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    #: none = every channel that carries the status
    channels: list[_Word] = Field(default=[], max_length=50)
    #: for how long it may be handed over
    hours: float = Field(default=6.0, ge=0.05, le=168.0)
    #: the alert of which it is an update (続報)
    update_of: int | None = Field(default=None, ge=1, le=2**53)
    #: why it is a new one, when one of its kind went before within ten minutes; the approver reads it
    new_because: Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class Submitted(BaseModel):
    """An alert that waits for a person's approval."""

    id: int
    identifier: str
    state: Literal["submitted"]
    url: str


class Listed(BaseModel):
    """One alert of the list."""

    id: int
    identifier: str
    status: str
    msg_type: str
    state: str
    headline: str
    sent: datetime


class AlertList(BaseModel):
    """Alerts, the newest first."""

    alerts: list[Listed]


class Tally(BaseModel):
    """One alert and what became of it; the same document as `alertd alert show --json`."""

    model_config = ConfigDict(extra="allow")

    id: int
    identifier: str
    status: str
    msg_type: str
    state: str
    planned: int
    channels: dict[str, dict[str, Any]]


class InForce(BaseModel):
    """What holds in one area because of one hazard."""

    area: str
    area_name: str
    hazard: str | None
    hazard_name: str | None
    level: int | None
    event: str
    headline: str
    since: datetime
    until: datetime | None
    identifier: str


class FreezeNow(BaseModel):
    """What holds things back: `everything`, `maintenance`, or `drills` alone."""

    scope: str
    since: datetime
    #: it ends by itself then; null = people end it
    until: datetime | None


class DraftAnswer(BaseModel):
    """What became of a document."""

    outcome: Taken
    #: the number of the draft
    draft: int | None
    headline: str


class ProblemField(BaseModel):
    """One thing that is wrong."""

    field: str
    message: str


class ProblemDetails(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[ProblemField]
