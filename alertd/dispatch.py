"""The Dispatch: one sending of one alert, and the moves it allows.

```
draft → submitted → approved → sending → finished
        submitted ← approved (nothing began in time)
        submitted → rejected
approved | sending → the same, some channels stopped; finished → sending, when they go on
        submitted | approved | sending | finished → cancelled
draft (a prepared correction) → approved
submitted (a step of a drill) → submitted, armed → approved, at its time
submitted (a trial call to one recipient) → approved
```
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alertd.alert import Severity, Status
from alertd.errors import MoveRefused


class State(StrEnum):
    """How far a dispatch is."""

    #: written, not handed in
    DRAFT = "draft"
    #: waits for a second person
    SUBMITTED = "submitted"
    #: promised; deliveries are being planned
    APPROVED = "approved"
    #: deliveries exist and are being handed over
    SENDING = "sending"
    #: nothing is due any more
    FINISHED = "finished"
    #: a second person said no
    REJECTED = "rejected"
    #: stopped
    CANCELLED = "cancelled"


class Move(StrEnum):
    """What can be done to a dispatch."""

    #: hand a draft in
    SUBMIT = "submit"
    #: a second person lets it go out
    APPROVE = "approve"
    #: one person lets it go out in an emergency, with a reason
    OVERRIDE = "override"
    #: one person lets a trial call to one recipient go out
    TRY = "try"
    #: a second person says no
    REJECT = "reject"
    #: deliveries were planned
    PLAN = "plan"
    #: nothing of it began in time after approval: it needs approval anew
    LAPSE = "lapse"
    #: nothing is due any more
    FINISH = "finish"
    #: a person stops it
    CANCEL = "cancel"
    #: a person stops one of its channels, or all, until further notice
    HALT = "halt"
    #: a person lets stopped channels go on
    GO_ON = "go on"
    #: a person sends its prepared correction
    CORRECT = "correct"
    #: a second person lets a step of a drill go out at its time
    ARM = "arm"
    #: the time of an armed step has come
    FIRE = "fire"


class Role(StrEnum):
    """What an operator may do."""

    #: 閲覧: see everything but recipients' addresses
    VIEW = "view"
    #: 起案: write and submit alerts
    DRAFT = "draft"
    #: 承認: approve or reject what another person submitted
    APPROVE = "approve"
    #: 配信: stop a dispatch and send its correction
    SEND = "send"
    #: 管理: operators, recipients, settings
    ADMINISTER = "administer"
    #: 訓練生: may never touch an Actual alert
    TRAINEE = "trainee"
    #: 監査: read the audit trail
    AUDITOR = "auditor"


MOVES: dict[tuple[State, Move], State] = {
    (State.DRAFT, Move.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Move.APPROVE): State.APPROVED,
    (State.SUBMITTED, Move.OVERRIDE): State.APPROVED,
    (State.SUBMITTED, Move.TRY): State.APPROVED,
    (State.SUBMITTED, Move.REJECT): State.REJECTED,
    (State.DRAFT, Move.CORRECT): State.APPROVED,
    (State.SUBMITTED, Move.ARM): State.SUBMITTED,
    (State.SUBMITTED, Move.FIRE): State.APPROVED,
    (State.APPROVED, Move.PLAN): State.SENDING,
    (State.APPROVED, Move.LAPSE): State.SUBMITTED,
    (State.SENDING, Move.FINISH): State.FINISHED,
    (State.APPROVED, Move.HALT): State.APPROVED,
    (State.SENDING, Move.HALT): State.SENDING,
    (State.APPROVED, Move.GO_ON): State.APPROVED,
    (State.SENDING, Move.GO_ON): State.SENDING,
    (State.FINISHED, Move.GO_ON): State.SENDING,
    (State.SUBMITTED, Move.CANCEL): State.CANCELLED,
    (State.APPROVED, Move.CANCEL): State.CANCELLED,
    (State.SENDING, Move.CANCEL): State.CANCELLED,
    (State.FINISHED, Move.CANCEL): State.CANCELLED,
}

#: who may stop what goes out and say that it was wrong: a trainee too, who only ever touches drills
_STOPS = frozenset({Role.SEND, Role.APPROVE, Role.DRAFT, Role.TRAINEE})

#: which of these roles a person needs for a move; moves of the engine need nobody
_ROLES: dict[Move, frozenset[Role]] = {
    Move.SUBMIT: frozenset({Role.DRAFT, Role.TRAINEE}),
    Move.APPROVE: frozenset({Role.APPROVE}),
    Move.ARM: frozenset({Role.APPROVE}),
    Move.OVERRIDE: frozenset({Role.APPROVE, Role.DRAFT}),
    Move.REJECT: frozenset({Role.APPROVE}),
    Move.CANCEL: _STOPS,
    Move.HALT: _STOPS,
    Move.GO_ON: frozenset({Role.SEND, Role.APPROVE}),
    Move.CORRECT: _STOPS,
}

#: which of these roles a person needs to hand in a trial call and to let it go out
_TRIES = frozenset({Role.DRAFT, Role.APPROVE, Role.SEND, Role.ADMINISTER})

#: an override must say why in at least so many characters
REASON_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Who makes a move: an operator's number, name and roles."""

    id: int
    name: str
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the rules need to know of the dispatch that is to be moved."""

    state: State
    status: Status
    submitted_by: int | None
    #: how many people an Exercise needs, 1 or 2; Actual is always 2
    exercise_people: int
    #: its template is marked as a threat to life
    life_threat: bool
    severity: Severity
    #: it is a step of a drill: it is armed, and goes out at its time
    scheduled: bool = False
    #: it is meant for one recipient alone
    alone: bool = False
    reason: str = ""

    @property
    def trial(self) -> bool:
        """It is a trial call: a Test that one recipient alone hears."""
        return self.alone and self.status is Status.TEST


def move(circumstances: Circumstances, move: Move, person: Person | None) -> State:
    """The state after the move; the only judge of who may do what to a dispatch.

    `person` None is the engine itself. Raises MoveRefused with the remedy. Holds the
    two-person rule: who submitted an alert cannot approve it; only an Exercise may be
    approved by its author, and only where the configuration says so. A trial call to one
    recipient needs one person.
    """
    after = MOVES.get((circumstances.state, move))
    if after is None:
        raise MoveRefused(f"a dispatch that is {circumstances.state} cannot be moved by “{move}”")
    if move in (Move.ARM, Move.FIRE):
        _drill_only(circumstances)
    needed = _ROLES.get(move)
    if move is Move.TRY or (move is Move.SUBMIT and circumstances.trial):
        _trial_only(circumstances)
        needed = _TRIES
    if needed is None:
        return after
    if person is None:
        raise MoveRefused(f"“{move}” needs a signed-in operator")
    if not needed & person.roles:
        names = " or ".join(sorted(needed))
        raise MoveRefused(f"{person.name} may not {move}: the role {names} is needed")
    if Role.TRAINEE in person.roles and circumstances.status is Status.ACTUAL:
        raise MoveRefused(f"{person.name} is a trainee and can only work on drills")
    if move in (Move.APPROVE, Move.OVERRIDE) and circumstances.scheduled:
        raise MoveRefused("it is a step of a drill and goes out at its time; arm the drill instead")
    if move in (Move.APPROVE, Move.ARM):
        _two_people(circumstances, person)
    if move is Move.OVERRIDE:
        _emergency(circumstances)
    return after


def _trial_only(circumstances: Circumstances) -> None:
    """One person's word is enough for a Test to one recipient, and for nothing else."""
    if not circumstances.trial:
        raise MoveRefused("only a trial call to one recipient goes out on one person's word")


def _drill_only(circumstances: Circumstances) -> None:
    """Nothing but a drill is ever armed and let go by the clock."""
    if not circumstances.scheduled:
        raise MoveRefused("it is no step of a drill; it is approved by a person")
    if circumstances.status is not Status.EXERCISE:
        raise MoveRefused(f"an {circumstances.status} alert is never sent by the clock; only an Exercise is")


def _two_people(circumstances: Circumstances, person: Person) -> None:
    alone = person.id == circumstances.submitted_by
    drill = circumstances.status is not Status.ACTUAL
    if alone and not (drill and circumstances.exercise_people == 1):
        raise MoveRefused(f"{person.name} submitted this alert; another person must approve it")


def _emergency(circumstances: Circumstances) -> None:
    if not circumstances.life_threat:
        raise MoveRefused("the emergency override is for life-threat templates only; ask a second person")
    if len(circumstances.reason.strip()) < REASON_LENGTH:
        raise MoveRefused(f"the emergency override needs a reason of at least {REASON_LENGTH} characters")
