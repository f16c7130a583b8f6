"""The routes of the console, each with the roles that may use it: what is not listed does not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Response

from alertd import checklist
from alertd import freeze as freezing
from alertd.chronicle import WRITERS
from alertd.dispatch import Role
from alertd.freeze import LIFTS
from alertd.hand_over import SHIFTS
from alertd.hold import RELEASES
from alertd.settled import CONFIRMS
from alertd.site import Site
from operator_console import (
    alerts,
    approval,
    board,
    channel_list,
    chronicle,
    compose,
    copy_page,
    desk,
    drills,
    evidence,
    follow_ups,
    freeze,
    go_on,
    hand_over,
    help_wanted,
    in_force,
    incoming,
    kept,
    one_by_one,
    person,
    places,
    readings,
    recipient_import,
    recipients,
    replay,
    result,
    second_factor,
    sessions,
    settled,
    sign_in,
    staff,
    stop,
    subscribers,
    template_list,
    ticks,
    unreached,
)
from operator_console.admission import SET_UP
from operator_console.assets import asset
from operator_console.personal import ENTERS, SEES
from operator_console.sounds import sound
from operator_console.throttle import Throttle
from operator_console.under_way import STOPS
from operator_console.visit import Visited

#: signed in, whatever the role
_EVERY_ROLE = frozenset(Role)
_WRITES = frozenset({Role.DRAFT, Role.TRAINEE})
_STOPS = frozenset(STOPS)
_SEES = frozenset(SEES)
_PRINTS = frozenset(recipients.PRINTS)
_IMPORTS = frozenset({Role.ADMINISTER})
_PERMITS = frozenset({Role.ADMINISTER})
#: see what waits for approval before they have a say in it
_READS = frozenset({Role.APPROVE, Role.DRAFT, Role.ADMINISTER})
_ARCHIVED = "private, max-age=86400, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method at one path; `needs` None = also for those who are not signed in."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    needs: frozenset[Role] | None
    #: asks by itself, and so is no sign that somebody is there
    by_itself: bool = False
    #: also for who must set up a second factor first
    unproven: bool = False


def routes(site: Site) -> tuple[Route, ...]:
    """Every route of the console."""
    boards, calls = board.Boards(site), help_wanted.Calls(site)
    results, people = result.Results(site), recipients.Directory()

    def audio(digest: str, visit: Visited) -> Response:
        """GET /audio/DIGEST.wav"""
        return sound(visit.site, digest, cache=_ARCHIVED)

    one, new, drill = "/alerts/{number:int}", "/alerts/new/{template}", "/drills/{number:int}"
    approves, overrides = frozenset({Role.APPROVE}), frozenset({Role.APPROVE, Role.DRAFT})
    return (
        Route(method="GET", path="/static/{name}", endpoint=asset, needs=None),
        Route(method="GET", path="/sign-in", endpoint=sign_in.form, needs=None),
        Route(method="POST", path="/sign-in", endpoint=sign_in.sign_in(Throttle()), needs=None),
        Route(method="POST", path="/language", endpoint=sign_in.language, needs=None),
        Route(method="POST", path="/sign-out", endpoint=sign_in.sign_out, needs=_EVERY_ROLE, unproven=True),
        Route(method="GET", path=SET_UP, endpoint=second_factor.show, needs=_EVERY_ROLE, unproven=True),
        Route(method="POST", path=SET_UP, endpoint=second_factor.set_up, needs=_EVERY_ROLE, unproven=True),
        Route(method="POST", path=f"{SET_UP}/remove", endpoint=second_factor.remove, needs=_EVERY_ROLE),
        Route(method="POST", path="/sessions/known", endpoint=sessions.known, needs=_EVERY_ROLE),
        Route(method="POST", path="/sessions/end-others", endpoint=sessions.end_others, needs=_EVERY_ROLE),
        Route(method="GET", path="/hand-over", endpoint=hand_over.show, needs=_EVERY_ROLE),
        Route(method="POST", path="/hand-over", endpoint=hand_over.give, needs=SHIFTS),
        Route(method="POST", path="/hand-over/{number:int}/take", endpoint=hand_over.take, needs=SHIFTS),
        Route(method="GET", path="/", endpoint=alerts.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/under-way", endpoint=alerts.under_way, needs=_EVERY_ROLE, by_itself=True),
        Route(method="GET", path="/freeze", endpoint=freeze.show, needs=_EVERY_ROLE),
        Route(method="POST", path="/freeze", endpoint=freeze.freeze, needs=freeze.FREEZES),
        Route(method="POST", path="/freeze/lift", endpoint=freeze.lift, needs=LIFTS),
        Route(
            method="POST",
            path="/maintenance",
            endpoint=freeze.maintain,
            needs=freezing.SETS[freezing.Scope.MAINTENANCE],
        ),
        Route(method="GET", path="/settings", endpoint=settled.show, needs=CONFIRMS),
        Route(method="POST", path="/settings/confirm", endpoint=settled.confirm, needs=CONFIRMS),
        Route(method="POST", path="/settings/alone", endpoint=settled.let_go_alone, needs=CONFIRMS),
        Route(method="GET", path="/alerts/new", endpoint=compose.choose, needs=_WRITES),
        Route(method="GET", path=new, endpoint=compose.begin, needs=_WRITES),
        Route(method="POST", path=new, endpoint=compose.retype, needs=_WRITES),
        Route(method="POST", path=f"{new}/count", endpoint=compose.count, needs=_WRITES),
        Route(method="POST", path=f"{new}/keep", endpoint=kept.keep, needs=_WRITES),
        Route(method="POST", path=f"{new}/save", endpoint=kept.save, needs=_WRITES),
        Route(method="POST", path=f"{new}/check", endpoint=compose.check, needs=_WRITES),
        Route(method="POST", path=f"{new}/sounds", endpoint=compose.sounds, needs=_WRITES, by_itself=True),
        Route(method="POST", path=f"{new}/submit", endpoint=compose.submit, needs=_WRITES),
        Route(method="GET", path=one, endpoint=boards.show, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/events", endpoint=boards.events, needs=_EVERY_ROLE, by_itself=True),
        Route(method="GET", path=f"{one}/unreached", endpoint=unreached.show, needs=_EVERY_ROLE),
        Route(method="POST", path=f"{one}/unreached", endpoint=unreached.enter, needs=ENTERS),
        Route(method="POST", path=f"{one}/resend", endpoint=unreached.again, needs=_WRITES),
        Route(method="GET", path=f"{one}/unreached.pdf", endpoint=unreached.paper, needs=_SEES),
        Route(method="GET", path=f"{one}/unreached.csv", endpoint=unreached.spreadsheet, needs=_SEES),
        Route(method="GET", path=f"{one}/approve", endpoint=approval.show, needs=_READS),
        Route(method="POST", path=f"{one}/approve", endpoint=approval.approve, needs=approves),
        Route(method="POST", path=f"{one}/override", endpoint=approval.override, needs=overrides),
        Route(method="POST", path=f"{one}/permit", endpoint=approval.permit, needs=_PERMITS),
        Route(method="POST", path=f"{one}/review", endpoint=approval.review, needs=approves),
        Route(method="POST", path=f"{one}/release", endpoint=approval.release, needs=RELEASES),
        Route(method="POST", path=f"{one}/reject", endpoint=approval.reject, needs=approves),
        Route(method="GET", path=f"{one}/stop", endpoint=stop.show, needs=_STOPS),
        Route(method="POST", path=f"{one}/stop", endpoint=stop.stop, needs=_STOPS),
        Route(method="POST", path=f"{one}/checklist", endpoint=ticks.tick, needs=checklist.TICKS),
        Route(method="POST", path=f"{one}/halt", endpoint=go_on.halt, needs=_STOPS),
        Route(method="GET", path=f"{one}/go-on", endpoint=go_on.show, needs=go_on.LETS_GO_ON),
        Route(method="POST", path=f"{one}/go-on", endpoint=go_on.go_on, needs=go_on.LETS_GO_ON),
        Route(method="GET", path=f"{one}/follow-up/{{how}}", endpoint=follow_ups.show, needs=_WRITES),
        Route(method="POST", path=f"{one}/follow-up/{{how}}", endpoint=follow_ups.submit, needs=_WRITES),
        Route(method="GET", path=f"{one}/copy", endpoint=copy_page.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/in-force", endpoint=in_force.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/in-force.csv", endpoint=in_force.spreadsheet, needs=_EVERY_ROLE),
        Route(method="GET", path="/drafts", endpoint=incoming.show_all, needs=_EVERY_ROLE),
        Route(method="GET", path="/drafts/kept/{number:int}", endpoint=kept.open_again, needs=_WRITES),
        Route(
            method="POST", path="/drafts/kept/{number:int}/put-away", endpoint=kept.put_away, needs=_WRITES
        ),
        Route(method="GET", path="/drafts/{number:int}", endpoint=incoming.show, needs=_EVERY_ROLE),
        Route(method="POST", path="/drafts/{number:int}/submit", endpoint=incoming.submit, needs=_WRITES),
        Route(method="POST", path="/drafts/{number:int}/dismiss", endpoint=incoming.dismiss, needs=overrides),
        Route(method="GET", path="/operators", endpoint=staff.show, needs=staff.ADMINISTERS),
        Route(method="POST", path="/operators", endpoint=staff.add, needs=staff.ADMINISTERS),
        Route(method="POST", path="/operators/{number:int}", endpoint=staff.change, needs=staff.ADMINISTERS),
        Route(method="GET", path="/chronicle", endpoint=chronicle.show, needs=_EVERY_ROLE),
        Route(method="POST", path="/chronicle", endpoint=chronicle.add, needs=WRITERS),
        Route(method="GET", path="/chronicle.pdf", endpoint=chronicle.paper, needs=_EVERY_ROLE),
        Route(method="GET", path="/chronicle.csv", endpoint=chronicle.spreadsheet, needs=_EVERY_ROLE),
        Route(method="GET", path="/templates", endpoint=template_list.show_all, needs=_EVERY_ROLE),
        Route(method="GET", path="/templates/{identifier}", endpoint=template_list.show, needs=_EVERY_ROLE),
        Route(
            method="POST", path="/templates/{identifier}/hear", endpoint=template_list.hear, needs=_EVERY_ROLE
        ),
        Route(method="GET", path="/readings", endpoint=readings.show, needs=_EVERY_ROLE),
        Route(method="POST", path="/readings", endpoint=readings.keep, needs=readings.CHANGES),
        Route(method="POST", path="/readings/hear", endpoint=readings.hear, needs=_EVERY_ROLE),
        Route(method="GET", path="/areas", endpoint=places.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/areas.csv", endpoint=places.spreadsheet, needs=_EVERY_ROLE),
        Route(method="POST", path="/areas/outlines", endpoint=places.draw, needs=places.DRAWS),
        Route(method="GET", path="/groups", endpoint=places.groups, needs=_EVERY_ROLE),
        Route(method="GET", path="/groups/members", endpoint=places.group, needs=_SEES),
        Route(method="GET", path="/channels", endpoint=channel_list.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/results", endpoint=result.show_all, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/evidence", endpoint=evidence.show, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/evidence.zip", endpoint=evidence.archive, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/replay", endpoint=replay.show, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/replay.csv", endpoint=replay.spreadsheet, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/result", endpoint=results.show, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/result.pdf", endpoint=results.paper, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/result.csv", endpoint=results.spreadsheet, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/result.json", endpoint=results.document, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{one}/channels/{{channel}}", endpoint=one_by_one.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/desk", endpoint=desk.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/desk/now", endpoint=desk.show, needs=_EVERY_ROLE, by_itself=True),
        Route(method="GET", path="/desk/{delivery:int}", endpoint=desk.sheet, needs=_EVERY_ROLE),
        Route(method="GET", path="/desk/{delivery:int}.pdf", endpoint=desk.paper, needs=_EVERY_ROLE),
        Route(method="POST", path="/desk/{delivery:int}/start", endpoint=desk.start, needs=desk.TICKS),
        Route(method="POST", path="/desk/{delivery:int}/finish", endpoint=desk.finish, needs=desk.TICKS),
        Route(method="POST", path="/desk/{delivery:int}/give-up", endpoint=desk.give_up, needs=desk.TICKS),
        Route(method="GET", path="/help", endpoint=calls.show, needs=_EVERY_ROLE),
        Route(method="GET", path="/help/events", endpoint=calls.events, needs=_EVERY_ROLE, by_itself=True),
        Route(method="POST", path="/help/{delivery:int}/take", endpoint=help_wanted.take, needs=ENTERS),
        Route(
            method="POST", path="/help/{delivery:int}/give-back", endpoint=help_wanted.give_back, needs=ENTERS
        ),
        Route(method="GET", path=f"{one}/people/{{recipient:int}}", endpoint=person.show, needs=_EVERY_ROLE),
        Route(method="POST", path=f"{one}/people/{{recipient:int}}", endpoint=person.visited, needs=ENTERS),
        Route(method="GET", path="/drills", endpoint=drills.show, needs=_EVERY_ROLE),
        Route(method="GET", path=drill, endpoint=drills.one, needs=_EVERY_ROLE),
        Route(method="POST", path=f"{drill}/arm", endpoint=drills.arm, needs=approves),
        Route(method="POST", path=f"{drill}/stop", endpoint=drills.stop, needs=frozenset(drills.STOPS)),
        Route(method="GET", path=f"{drill}/report.pdf", endpoint=drills.paper, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{drill}/report.csv", endpoint=drills.spreadsheet, needs=_EVERY_ROLE),
        Route(method="GET", path=f"{drill}/report.json", endpoint=drills.document, needs=_EVERY_ROLE),
        Route(method="GET", path="/recipients", endpoint=people.show, needs=_SEES),
        Route(method="GET", path="/recipients.csv", endpoint=recipients.spreadsheet, needs=_IMPORTS),
        Route(method="GET", path="/subscribers", endpoint=subscribers.show, needs=_SEES),
        Route(method="POST", path="/subscribers", endpoint=subscribers.register, needs=subscribers.REGISTERS),
        Route(
            method="POST",
            path="/subscribers/{number:int}/stop",
            endpoint=subscribers.stop,
            needs=subscribers.REGISTERS,
        ),
        Route(
            method="GET",
            path="/subscribers.csv",
            endpoint=subscribers.spreadsheet,
            needs=subscribers.EXPORTS,
        ),
        Route(method="GET", path="/recipients/call-list.pdf", endpoint=recipients.paper, needs=_PRINTS),
        Route(method="GET", path="/recipients/import", endpoint=recipient_import.form, needs=_IMPORTS),
        Route(method="POST", path="/recipients/import", endpoint=recipient_import.check, needs=_IMPORTS),
        Route(
            method="POST",
            path="/recipients/import/confirm",
            endpoint=recipient_import.confirm,
            needs=_IMPORTS,
        ),
        Route(
            method="POST",
            path="/recipients/{recipient:int}/test-call",
            endpoint=recipients.try_call,
            needs=_SEES,
        ),
        Route(method="GET", path="/audio/{digest}.wav", endpoint=audio, needs=_EVERY_ROLE),
    )
