"""Composing: choose, fill in, check, submit. Before the last step only the form is kept, which sends nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from alertd import artefact, forecast, issue, lint, papers, people, shelter, twin, typed_reading
from alertd.artefact import Artefact
from alertd.db import reading
from alertd.errors import Problem, WrongInput
from alertd.finding import Finding, Gravity
from alertd.follow_up import FollowUp
from alertd.issue import Submission
from alertd.shelter import Shelter
from alertd.siren import by_channel
from alertd.site import Site
from alertd.tables import AlertRow, DispatchRow
from alertd.template import templates
from operator_console import again, keeping, one_time_key
from operator_console import draft as drafts
from operator_console.catalogue import mark
from operator_console.draft import Draft
from operator_console.page import page
from operator_console.reach import choice, counts, elsewhere, households
from operator_console.sign_in import keep_language
from operator_console.visit import Visit, Visited

log = logging.getLogger(__name__)

#: why a page that was open for long is shown anew
TOO_OLD = mark("This page was too old to be submitted. Please look at everything once more, then submit.")


def choose(visit: Visited) -> Response:
    """GET /alerts/new: real or drill, and which template."""
    return page(
        visit,
        "choose.html",
        templates=list(templates().values()),
        statuses=drafts.statuses(visit.site, visit.operator),
    )


def begin(template: str, visit: Visited) -> Response:
    """GET /alerts/new/TEMPLATE?status=…"""
    return form(visit, drafts.new(visit, template, visit.query.get("status", "")))


def retype(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE: the same form with what was typed, and the counts."""
    draft = drafts.read(visit, template)
    answer = form(visit, draft, counted=True)
    keep_language(visit, answer)
    return answer


def count(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/count: the counts alone, for a page that is open."""
    return page(visit, "_counts.html", counts=counts(visit, drafts.read(visit, template)))


def check(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/check: every word at once; `sounds` makes and adds the sounds."""
    draft = drafts.read(visit, template)
    keeping.keep(visit, draft)
    answer = _check(visit, draft, "check.html", sounds=bool(visit.field("sounds")))
    keep_language(visit, answer)
    return answer


def sounds(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/sounds: the channels of an open check page with their sounds."""
    return _check(visit, drafts.read(visit, template), "_channels.html", sounds=True)


def _check(
    visit: Visit,
    draft: Draft,
    template: str,
    *,
    sounds: bool = False,
    stale: bool = False,
    unconfirmed: bool = False,
    question: str | None = None,
) -> Response:
    text = visit.field("key")
    key = None if stale else one_time_key.read(visit.site.secret, visit.operator, text)
    if key is None:
        text, key = one_time_key.make(visit.site.secret, visit.operator, visit.now)
    try:
        submission = drafts.submission(
            visit.site, draft, identifier=key.identifier(visit.site.config.city), sent=key.sent
        )
        counts = issue.audience_counts(visit.site, submission.audience, submission.channels)
        findings = (
            *lint.lint(submission.alert, visit.site.config.city, now=visit.now),
            *shelter.findings(_shelters(visit.site), submission.alert),
        )
        blocking = [finding for finding in findings if finding.severity is Gravity.BLOCK]
        if blocking:
            return form(visit, draft, findings=blocking, status=422)
        with reading(visit.site.engine) as session:
            twins = twin.unanswered(session, submission, visit.now)
        artefacts = preview(visit.site, submission, sounds=sounds)
    except WrongInput as error:
        return form(visit, draft, problems=error.problems, status=422)
    return page(
        visit,
        template,
        status=422 if unconfirmed or question else 200,
        unconfirmed=unconfirmed,
        question=question,
        old=keeping.old(visit, draft),
        twins=twins,
        draft=draft,
        key=text,
        alert=submission.alert,
        counts=counts,
        households=households(visit.site, draft),
        elsewhere=elsewhere(visit, submission.audience),
        findings=findings,
        artefacts=artefacts,
        channels=[choice(visit, name) for name in draft.channels],
        sounds=sounds or not any(visit.site.channel(name).traits.audio for name in draft.channels),
        stale=stale,
        siren=drafts.siren_field(draft),
        etas=forecast.preview(visit.site, counts, _sounds(artefacts)),
        left=papers.expires_at(submission.alert, visit.now) - visit.now,
        sirens=by_channel(
            submission.alert, {name: visit.site.channel(name).traits for name in draft.channels}
        ),
    )


def submit(template: str, visit: Visited) -> Response:
    """POST /alerts/new/TEMPLATE/submit: hands in what was checked, once.

    The same key again leads to the same dispatch; a check page that is older than
    fifteen minutes must be looked at again, and so must one whose author says that it is
    an update of what went before: its words are others then.
    """
    draft = drafts.read(visit, template)
    key = one_time_key.read(visit.site.secret, visit.operator, visit.field("key"))
    if key is None:
        return _check(visit, draft, "check.html", stale=True)
    identifier = key.identifier(visit.site.config.city)
    known = submitted_as(visit, identifier)
    if known is None and visit.now - key.sent > one_time_key.FRESH:
        return _check(visit, draft, "check.html", stale=True)
    if known is None and keeping.old(visit, draft) and not visit.field("fresh"):
        return _check(visit, draft, "check.html", unconfirmed=True)
    if known is None and (updated := again.updated(visit)) is not None:
        turned = replace(draft, follows=updated, follow_up=FollowUp.UPDATE)
        return _check(visit, turned, "check.html")
    if known is None:
        try:
            submission = drafts.submission(visit.site, draft, identifier=identifier, sent=key.sent)
            known = issue.submit(visit.site, again.answered(visit, submission), visit.operator)
        except (WrongInput, IntegrityError) as error:
            known = submitted_as(visit, identifier)
            if known is None and (question := again.question(visit, error)) is not None:
                return _check(visit, draft, "check.html", question=question)
            if known is None and isinstance(error, WrongInput):
                return form(visit, draft, problems=error.problems, status=422)
            if known is None:
                raise
    keeping.settle(visit, draft, known)
    return RedirectResponse(f"/alerts/{known}", 303)


def preview(site: Site, submission: Submission, *, sounds: bool) -> Sequence[Artefact]:
    """Every word that a submission would send, with `sounds` every sound too; it sends the same ones.

    Sounds take seconds to make, and no time the second time.
    """
    with reading(site.engine) as session:
        wanted = {
            name: people.languages(session, submission.audience, site.line(name))
            for name in submission.channels
        }
    traits = {name: site.channel(name).traits for name in submission.channels}
    return artefact.prepare(
        submission.alert,
        traits if sounds else {name: replace(found, audio=None) for name, found in traits.items()},
        wanted,
        site.config.city,
        site.synthesizer,
        site.config.storage / "audio",
    )


def _sounds(artefacts: Iterable[Artefact]) -> Mapping[str, float]:
    """The length of each channel's longest sound in seconds, where it was made."""
    found: dict[str, float] = {}
    for made in artefacts:
        if made.sound is not None:
            found[made.channel] = max(found.get(made.channel, 0.0), made.sound.seconds)
    return found


def submitted_as(visit: Visit, identifier: str) -> int | None:
    """The dispatch that this person submitted under the identifier before."""
    with reading(visit.site.engine) as session:
        return session.scalar(
            select(DispatchRow.id)
            .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
            .where(AlertRow.identifier == identifier, DispatchRow.submitted_by == visit.operator.id)
        )


def form(
    visit: Visit,
    draft: Draft,
    *,
    problems: Iterable[Problem] = (),
    findings: Iterable[Finding] = (),
    counted: bool = False,
    status: int = 200,
    kept_at: datetime | None = None,
) -> Response:
    """The form with what was filled in so far, and what is wrong with it."""
    fields: dict[str, list[str]] = {}
    for problem in problems:
        fields.setdefault(_field(draft, problem.field), []).append(visit.problem(problem))
    for finding in findings:
        said = finding.message if visit.language == "ja" else finding.message_en
        fields.setdefault(_field(draft, finding.field), []).append(said)
    with reading(visit.site.engine) as session:
        areas, groups = people.areas(session), people.groups(session)
    return page(
        visit,
        "compose.html",
        status=status,
        draft=draft,
        areas=areas,
        groups=groups,
        channels=[choice(visit, name) for name in drafts.carriers(visit.site, draft.status)],
        sirens=drafts.sirens(visit.site, draft),
        siren=drafts.siren_field(draft),
        presets=visit.site.config.presets,
        lives=drafts.LIVES,
        problems=fields,
        kept_at=kept_at,
        old=keeping.old(visit, draft),
        offered=[one.name for one in shelter.offered(_shelters(visit.site), draft.template.hazard)],
        counts=counts(visit, draft) if counted or problems else None,
        languages_of=lambda blank: drafts.languages_of(
            blank, draft.template, visit.site.config.city.languages
        ),
    )


def _shelters(site: Site) -> list[Shelter]:
    with reading(site.engine) as session:
        return shelter.shelters(session)


def _field(draft: Draft, field: str) -> str:
    """The part of the form that a problem belongs to; empty = the whole."""
    if field == "audience":
        return "areas"
    if field in ("areas", "channels", "elsewhere", "why", typed_reading.FIELD):
        return field
    known = any(blank.name == field.partition("@")[0] for blank in draft.template.blanks)
    return field if known and field != "area" else ""
