"""Following up: 続報, 訂正, 取消, 解除 and 切替 from the board, each with a draft that is filled in already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from alertd import follow_up, issue, saved_draft
from alertd.alert import MsgType
from alertd.audience import Audience
from alertd.correction import all_clear
from alertd.db import reading
from alertd.dispatch import Role
from alertd.errors import MoveRefused, NotFound, WrongInput
from alertd.follow_up import FollowUp
from alertd.following import FOLLOWED
from alertd.orders import WHOLE_CITY, codes
from alertd.papers import Submission
from alertd.store.published import area_names
from operator_console import compose, one_time_key
from operator_console import draft as drafts
from operator_console.draft import Draft
from operator_console.page import channel_name, page
from operator_console.stored import Stored, stored
from operator_console.visit import Visit, Visited

#: what has words of the operator's own, where the alert came from no template
_FREE = "notice"


def can_follow(visit: Visit, dispatch: Stored) -> bool:
    """Whether the visitor may write a follow-up, and there is something to follow."""
    return (
        visit.may(Role.DRAFT, Role.TRAINEE)
        and dispatch.row.state in FOLLOWED
        and dispatch.alert.msg_type is not MsgType.CANCEL
        and dispatch.row.drill_step_id is None
        and dispatch.alert.status in drafts.statuses(visit.site, visit.operator)
    )


def show(number: int, how: str, visit: Visited) -> Response:
    """GET /alerts/N/follow-up/HOW: the draft, already filled in; 切替 first asks for the template."""
    kind = _kind(how)
    if kind is FollowUp.CANCEL:
        return RedirectResponse(f"/alerts/{number}/stop", 303)
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        _check(visit, dispatch)
        template = _template(kind, dispatch, visit.query.get("template", ""))
        if template is not None:
            return compose.form(visit, _draft(session, visit, dispatch, kind, template), counted=True)
    if kind is FollowUp.ALL_CLEAR:
        return _all_clear(visit, dispatch)
    same, others = follow_up.others(dispatch.alert, dispatch.row.template)
    return page(visit, "switch.html", dispatch=dispatch, same=same, others=others)


def submit(number: int, how: str, visit: Visited) -> Response:
    """POST /alerts/N/follow-up/all-clear: hands in the prepared words, once."""
    if _kind(how) is not FollowUp.ALL_CLEAR:
        raise NotFound(f"“{how}” is written in the form")
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
    _check(visit, dispatch)
    key = one_time_key.read(visit.site.secret, visit.operator, visit.field("key"))
    if key is None or visit.now - key.sent > one_time_key.FRESH:
        return _all_clear(visit, dispatch, problem=visit.say(compose.TOO_OLD), status=422)
    made = _prepared(visit, dispatch, key.identifier(visit.site.config.city), key.sent)
    try:
        new = issue.submit(visit.site, made, visit.operator)
    except (WrongInput, IntegrityError) as error:
        known = compose.submitted_as(visit, made.alert.identifier)
        if known is not None:
            return RedirectResponse(f"/alerts/{known}", 303)
        if not isinstance(error, WrongInput):
            raise
        said = " ".join(visit.problem(problem) for problem in error.problems)
        return _all_clear(visit, dispatch, problem=said, status=422)
    return RedirectResponse(f"/alerts/{new}", 303)


def _kind(how: str) -> FollowUp:
    try:
        return FollowUp(how)
    except ValueError:
        raise NotFound(f"there is no follow-up {how!r}") from None


def _check(visit: Visit, dispatch: Stored) -> None:
    if not can_follow(visit, dispatch):
        raise MoveRefused("only an alert that went out can be followed up")


def _template(kind: FollowUp, dispatch: Stored, chosen: str) -> str | None:
    """The template of the draft; None = it has to be chosen, or the words are prepared."""
    if kind is FollowUp.SWITCH:
        return chosen or None
    if kind is FollowUp.ALL_CLEAR:
        found = follow_up.lifting(dispatch.alert)
        return found.id if found is not None else None
    return dispatch.row.template or _FREE


def _draft(session: Session, visit: Visit, dispatch: Stored, kind: FollowUp, template: str) -> Draft:
    """What was filled in for the alert, as far as the new template has the same blanks; times are today's."""
    form = saved_draft.form_of(session, dispatch.id)
    before = drafts.read(visit, dispatch.row.template, form) if form and dispatch.row.template else None
    draft = drafts.new(visit, template, dispatch.alert.status)
    blanks = {blank.name for blank in draft.template.blanks if blank.kind != "time"}
    values: Mapping[str, str] = before.values if before is not None else {}
    places = codes(dispatch.alert.infos[0].areas, area_names(session))
    channels = tuple(name for name in dispatch.row.channels if name in draft.channels)
    audience = Audience.from_json(dispatch.row.audience).among(channels)
    return replace(
        draft,
        values={name: value for name, value in values.items() if name.partition("@")[0] in blanks},
        areas=() if audience.everybody else tuple(code for code in places if code != WHOLE_CITY),
        groups=audience.groups,
        everybody=audience.everybody,
        channels=channels,
        elsewhere={
            one.channel: (drafts.WHOLE,) if one.everybody else one.areas for one in audience.elsewhere
        },
        why=audience.why,
        life=before.life if before is not None else draft.life,
        readings=before.readings if before is not None else "",
        follows=dispatch.id,
        follow_up=kind,
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """What one channel says in one language."""

    channel: str
    language: str
    headline: str
    text: str


def _all_clear(visit: Visit, dispatch: Stored, *, problem: str | None = None, status: int = 200) -> Response:
    text, key = one_time_key.make(visit.site.secret, visit.operator, visit.now)
    made = _prepared(visit, dispatch, key.identifier(visit.site.config.city), key.sent)
    artefacts = compose.preview(visit.site, made, sounds=False)
    return page(
        visit,
        "all_clear.html",
        status=status,
        dispatch=dispatch,
        key=text,
        problem=problem,
        words=[
            _Words(
                channel_name(visit.language, one.channel, visit.site.settings.get(one.channel)),
                one.language,
                one.words.headline,
                one.words.text,
            )
            for one in artefacts
        ],
    )


def _prepared(visit: Visit, dispatch: Stored, identifier: str, sent: datetime) -> Submission:
    alert = all_clear(
        dispatch.alert,
        identifier=identifier,
        sent=sent,
        expires=sent + timedelta(hours=drafts.LIVES[2]),
        city=visit.site.config.city,
    )
    channels = [name for name in dispatch.row.channels if name in visit.site.settings]
    return Submission(
        alert=alert,
        audience=Audience.from_json(dispatch.row.audience).among(channels),
        channels=channels,
        template=None,
        follows=dispatch.id,
        follow_up=FollowUp.ALL_CLEAR,
    )
