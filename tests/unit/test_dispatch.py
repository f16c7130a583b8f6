"""The moves of a dispatch: what the table allows, and to whom."""

from __future__ import annotations

import itertools

import pytest

from alertd.alert import Severity, Status
from alertd.dispatch import MOVES, Circumstances, Move, Person, Role, State, move
from alertd.errors import MoveRefused

EVERY_ROLE = Person(7, "全部", frozenset(Role) - {Role.TRAINEE})


def circumstances(state: State, **changes: object) -> Circumstances:
    values: dict[str, object] = {
        "state": state,
        "status": Status.ACTUAL,
        "submitted_by": 1,
        "exercise_people": 2,
        "life_threat": True,
        "severity": Severity.EXTREME,
        "reason": "川が氾濫しています",
    }
    return Circumstances(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Move)))
def test_only_the_moves_of_the_table_are_possible(state: State, step: Move) -> None:
    drill = {"scheduled": True, "status": Status.EXERCISE} if step in (Move.ARM, Move.FIRE) else {}
    if step is Move.TRY:
        drill = {"alone": True, "status": Status.TEST}
    if (state, step) in MOVES:
        assert move(circumstances(state, **drill), step, EVERY_ROLE) is MOVES[state, step]
    else:
        with pytest.raises(MoveRefused, match="cannot be moved"):
            move(circumstances(state, **drill), step, EVERY_ROLE)


@pytest.mark.parametrize("step", [Move.ARM, Move.FIRE])
@pytest.mark.parametrize("status", [Status.ACTUAL, Status.TEST])
def test_the_clock_lets_nothing_go_out_but_a_drill(step: Move, status: Status) -> None:
    with pytest.raises(MoveRefused, match="clock"):
        move(circumstances(State.SUBMITTED, scheduled=True, status=status), step, EVERY_ROLE)
    with pytest.raises(MoveRefused, match="no step of a drill"):
        move(circumstances(State.SUBMITTED, status=Status.EXERCISE), step, EVERY_ROLE)


def test_one_person_lets_go_a_test_to_one_recipient_and_nothing_else() -> None:
    clerk = Person(1, "窓口", frozenset({Role.ADMINISTER}))
    trial = {"alone": True, "status": Status.TEST}
    assert move(circumstances(State.DRAFT, **trial), Move.SUBMIT, clerk) is State.SUBMITTED
    assert move(circumstances(State.SUBMITTED, **trial), Move.TRY, clerk) is State.APPROVED
    for wrong in (
        {**trial, "status": Status.ACTUAL},
        {**trial, "status": Status.EXERCISE},
        {**trial, "alone": False},
    ):
        with pytest.raises(MoveRefused, match="only a trial call"):
            move(circumstances(State.SUBMITTED, **wrong), Move.TRY, EVERY_ROLE)
        with pytest.raises(MoveRefused, match="role"):
            move(circumstances(State.DRAFT, **wrong), Move.SUBMIT, clerk)
    with pytest.raises(MoveRefused, match="role"):
        move(circumstances(State.SUBMITTED, **trial), Move.TRY, Person(9, "見る", frozenset({Role.VIEW})))


@pytest.mark.parametrize("step", [Move.APPROVE, Move.OVERRIDE])
def test_a_step_of_a_drill_is_armed_and_never_approved_by_itself(step: Move) -> None:
    with pytest.raises(MoveRefused, match="arm the drill"):
        move(circumstances(State.SUBMITTED, scheduled=True, status=Status.EXERCISE), step, EVERY_ROLE)


def test_who_handed_a_drill_in_does_not_arm_it() -> None:
    author = Person(1, "本人", frozenset({Role.APPROVE}))
    state = circumstances(State.SUBMITTED, scheduled=True, status=Status.EXERCISE)
    with pytest.raises(MoveRefused, match="another person"):
        move(state, Move.ARM, author)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("roles", [frozenset(Role) - {Role.TRAINEE}, frozenset({Role.APPROVE})])
def test_nobody_approves_alone_but_a_drill_where_it_is_allowed(
    status: Status, people: int, roles: frozenset[Role]
) -> None:
    author = Person(1, "本人", roles)
    state = circumstances(State.SUBMITTED, status=status, exercise_people=people)
    if people == 1 and status is not Status.ACTUAL:
        assert move(state, Move.APPROVE, author) is State.APPROVED
    else:
        with pytest.raises(MoveRefused, match="another person"):
            move(state, Move.APPROVE, author)


@pytest.mark.parametrize(
    "role", [Role.VIEW, Role.DRAFT, Role.ADMINISTER, Role.AUDITOR, Role.TRAINEE, Role.SEND]
)
def test_no_other_role_approves(role: Role) -> None:
    with pytest.raises(MoveRefused):
        move(
            circumstances(State.SUBMITTED, status=Status.EXERCISE),
            Move.APPROVE,
            Person(9, "x", frozenset({role})),
        )


@pytest.mark.parametrize("author", [1, 9])
def test_whoever_may_approve_may_also_stop_and_correct(author: int) -> None:
    approver = Person(9, "x", frozenset({Role.APPROVE}))
    for state, step in MOVES:
        if step in (Move.HALT, Move.CANCEL, Move.CORRECT):
            assert move(circumstances(state, submitted_by=author), step, approver) == MOVES[state, step]


def test_a_person_is_needed_for_what_people_do() -> None:
    with pytest.raises(MoveRefused, match="signed-in"):
        move(circumstances(State.SUBMITTED), Move.APPROVE, None)


def test_a_trainee_touches_no_real_alert_whatever_other_roles_there_are() -> None:
    person = Person(9, "研修", frozenset(Role))
    for state, step in MOVES:
        if step in (Move.SUBMIT, Move.APPROVE, Move.OVERRIDE, Move.REJECT, Move.CANCEL):
            with pytest.raises(MoveRefused, match="trainee"):
                move(circumstances(state), step, person)
