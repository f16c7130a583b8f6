"""A request for an alert: a template, its values, and whom it is for, as another program hands it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alertd import people, standing
from alertd.alert import Alert, Status
from alertd.audience import Audience, Elsewhere
from alertd.category import category_for
from alertd.db import reading
from alertd.errors import NotFound, Problem, WrongAlert, WrongAudience
from alertd.follow_up import FollowUp
from alertd.following import following
from alertd.papers import Submission
from alertd.reissue import reissue
from alertd.site import Site
from alertd.template import fill, template


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for. Channels: none = all that carry the status."""

    status: Status
    areas: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    everybody: bool = False
    #: channels with areas of their own, and what for
    elsewhere: tuple[Elsewhere, ...] = ()
    why: str = ""
    channels: tuple[str, ...] = ()
    hours: float = 6.0
    #: a template's id, and its values by blank
    template: str | None = None
    values: Mapping[str, str]
    #: a CAP document in place of a template
    document: Alert | None = None
    #: the dispatch of which it is an update
    update_of: int | None = None
    #: why it is an alert of its own, where one of its kind went before within minutes
    new_because: str = ""


def submission(site: Site, request: Request, *, identifier: str, sent: datetime) -> Submission:
    """The request as it is submitted. Raises WrongAlert, WrongAudience, NotFound or MoveRefused."""
    if request.update_of is not None and request.new_because:
        raise WrongAlert(Problem("update_of", "it is an update, or a new alert, and not both"))
    made = _submission(site, request, identifier=identifier, sent=sent)
    return following_up(site, made, update_of=request.update_of, new_because=request.new_because)


def following_up(
    site: Site, submission: Submission, *, update_of: int | None, new_because: str
) -> Submission:
    """The submission with its author's word on what went before it. Raises what `following` raises."""
    if update_of is None:
        return replace(submission, anew=new_because.strip())
    return replace(
        submission,
        alert=following(site, submission.alert, update_of, FollowUp.UPDATE),
        follows=update_of,
        follow_up=FollowUp.UPDATE,
    )


def _submission(site: Site, request: Request, *, identifier: str, sent: datetime) -> Submission:
    if (request.template is None) == (request.document is None):
        raise WrongAlert(Problem("template", "give a template or a CAP document, and not both"))
    channels = _channels(site, request)
    expires = sent + timedelta(hours=request.hours)
    if request.document is not None:
        alert = reissue(
            request.document,
            status=request.status,
            identifier=identifier,
            sent=sent,
            expires=expires,
            city=site.config.city,
        )
        audience = Audience(
            areas=request.areas,
            groups=request.groups,
            everybody=request.everybody,
            elsewhere=request.elsewhere,
            why=request.why,
        )
        _known_areas(site, request)
        return Submission(alert=alert, audience=audience, channels=channels)
    assert request.template is not None
    try:
        used = template(request.template)
    except NotFound as error:
        raise WrongAlert(Problem("template", str(error))) from error
    audience = Audience(
        areas=request.areas,
        groups=request.groups,
        everybody=request.everybody,
        category=category_for(request.status, used.hazard, used.severity),
        elsewhere=request.elsewhere,
        why=request.why,
    )
    with reading(site.engine) as session:
        _known_areas(site, request)
        described = people.as_areas(
            session, request.areas, site.config.city.name, everybody=request.everybody or not request.areas
        )
    alert = fill(
        used,
        dict(request.values),
        city=site.config.city,
        status=request.status,
        identifier=identifier,
        sent=sent,
        expires=expires,
        areas=described,
        references=standing.replaced_by(site, used, described, status=request.status),
    )
    alert = standing.with_the_rest(site, alert, used, described)
    return Submission(
        alert=alert, audience=audience, channels=channels, template=used.id, life_threat=used.life_threat
    )


def _known_areas(site: Site, request: Request) -> None:
    with reading(site.engine) as session:
        known = {row.code for row in people.areas(session)}
    unknown = [code for code in request.areas if code not in known]
    if unknown:
        raise WrongAudience(
            Problem(
                "areas", f"there is no area {unknown[0]!r}; there are: {', '.join(sorted(known)) or 'none'}"
            )
        )


def _channels(site: Site, request: Request) -> tuple[str, ...]:
    if request.channels:
        for name in request.channels:
            try:
                site.line(name)
            except NotFound as error:
                raise WrongAlert(Problem("channels", str(error))) from error
        return tuple(dict.fromkeys(request.channels))
    fit = tuple(name for name, settings in site.settings.items() if request.status in settings.carries)
    if not fit:
        raise WrongAlert(Problem("status", f"no channel carries {request.status}"))
    return fit
