"""Drafts from outside: what came in by CAP or from the weather agency, looked at, submitted or put aside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import IntegrityError

from alertd import incoming, issue, people, proposal, saved_draft, twin
from alertd.alert import Status
from alertd.audience import Audience
from alertd.db import reading
from alertd.dispatch import Role
from alertd.errors import Problem, WrongAlert, WrongAudience, WrongInput
from alertd.follow_up import FollowUp
from alertd.following import following
from alertd.language import spoken_in
from alertd.papers import Submission
from alertd.proposal import TEXTS, Proposal
from alertd.template import templates
from operator_console import again, one_time_key
from operator_console import draft as drafts
from operator_console.page import page
from operator_console.reach import choice
from operator_console.visit import Visit, Visited


def show_all(visit: Visited) -> Response:
    """GET /drafts"""
    with reading(visit.site.engine) as session:
        waiting, settled = incoming.waiting(session), incoming.settled(session)
        kept = saved_draft.open_drafts(session)
    allowed = drafts.statuses(visit.site, visit.operator)
    return page(
        visit,
        "drafts.html",
        waiting=waiting,
        settled=settled,
        kept=[(row, name, _title(visit, row.template)) for row, name in kept if row.status in allowed],
        writes=visit.may(Role.DRAFT, Role.TRAINEE),
        too_old=saved_draft.OLD,
    )


def _title(visit: Visit, template: str) -> str:
    found = templates().get(template)
    return found.title[visit.language] if found is not None else template


def show(number: int, visit: Visited) -> Response:
    """GET /drafts/N"""
    return _page(visit, number)


def submit(number: int, visit: Visited) -> Response:
    """POST /drafts/N/submit: the same page again leads to the same alert."""
    site = visit.site
    with reading(site.engine) as session:
        row = incoming.draft(session, number)
        found = proposal.proposal(session, site, row)
    if row.settled_at is not None:
        return RedirectResponse(f"/alerts/{row.dispatch_id}" if row.dispatch_id else "/drafts", 303)
    key = one_time_key.read(site.secret, visit.operator, visit.field("key"))
    if key is None or visit.now - key.sent > one_time_key.FRESH:
        return _page(visit, number, problems=[_old()], status=422)
    made: Submission | None = None
    try:
        made = again.answered(visit, _submission(visit, found, key))
        if (updated := again.updated(visit)) is not None:
            alert = following(site, made.alert, updated, FollowUp.UPDATE)
            made = replace(made, alert=alert, follows=updated, follow_up=FollowUp.UPDATE)
        dispatch = issue.submit(site, made, visit.operator)
    except IntegrityError:
        return RedirectResponse("/drafts", 303)
    except WrongInput as error:
        question = again.question(visit, error)
        problems = () if question else error.problems
        return _page(visit, number, problems=problems, made=made, question=question, status=422)
    incoming.submitted(site, number, dispatch, visit.operator)
    return RedirectResponse(f"/alerts/{dispatch}", 303)


def dismiss(number: int, visit: Visited) -> Response:
    """POST /drafts/N/dismiss"""
    incoming.dismiss(visit.site, number, visit.operator)
    return RedirectResponse("/drafts", 303)


def _submission(visit: Visit, found: Proposal, key: one_time_key.OneTimeKey) -> Submission:
    areas, everybody = visit.fields("area"), bool(visit.field("everybody"))
    if everybody and areas:
        raise WrongAudience(
            Problem(
                "areas",
                "“the whole city” cannot be combined with areas; choose one",
                "「市内全域」と地区は同時に選べません。どちらかにしてください。",
            )
        )
    if not everybody and not areas:
        raise WrongAudience(
            Problem("areas", "no area is chosen; choose at least one", "対象地区を1つ以上選んでください。")
        )
    if visit.field("status") not in found.statuses:
        raise WrongAlert(
            Problem("status", "it may not become that", "この文書は、この状態では配信できません。")
        )
    life = visit.field("life")
    return proposal.submission(
        visit.site,
        found,
        status=Status(visit.field("status")),
        audience=Audience(areas=areas, everybody=everybody),
        channels=visit.fields("channel"),
        hours=float(life) if life in map(str, drafts.LIVES) else 6.0,
        identifier=key.identifier(visit.site.config.city),
        sent=key.sent,
        texts=_texts(visit, found),
    )


def _texts(visit: Visit, found: Proposal) -> Mapping[tuple[int, str], str]:
    return {
        (number, name): visit.field(f"{name}:{number}").replace("\r\n", "\n")
        for number in range(len(found.alert.infos))
        for name in TEXTS
        if f"{name}:{number}" in visit.form
    }


def _page(
    visit: Visit,
    number: int,
    *,
    problems: Iterable[Problem] = (),
    made: Submission | None = None,
    question: str | None = None,
    status: int = 200,
) -> Response:
    """The draft; with `question` it also asks what it is to the alerts that `made` may be a twin of."""
    site = visit.site
    with reading(site.engine) as session:
        row = incoming.draft(session, number)
        found = proposal.proposal(session, site, row)
        areas = people.areas(session)
        sent_before = incoming.called_off(session, row)
        twins = twin.twins(session, made, visit.now) if made is not None and question is not None else ()
    allowed = [one for one in found.statuses if one in drafts.statuses(site, visit.operator)]
    carriers = {name for one in allowed for name in drafts.carriers(site, one)}
    chosen = visit.fields("area") if visit.form else found.areas
    return page(
        visit,
        "draft.html",
        status=status,
        row=row,
        found=found,
        areas=areas,
        chosen=chosen,
        everybody=bool(visit.field("everybody")) if visit.form else found.whole_city,
        statuses=allowed,
        channels=[choice(visit, name) for name in site.settings if name in carriers],
        chosen_channels=visit.fields("channel") if visit.form else tuple(carriers),
        lives=drafts.LIVES,
        texts=_texts(visit, found),
        sent_before=sent_before,
        twins=twins,
        question=question,
        key=one_time_key.make(site.secret, visit.operator, visit.now)[0],
        problems=[visit.problem(problem) for problem in problems],
        fields=TEXTS,
        languages=[spoken_in(info) for info in found.alert.infos],
    )


def _old() -> Problem:
    return Problem(
        "key",
        "the page was open for a long time; look at it once more and submit again",
        "画面を開いてから時間がたちました。内容をもう一度確かめてから提出してください。",
    )
