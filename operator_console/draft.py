"""A Draft: what an operator has filled in so far, and the alert that it makes.

It lives in the form alone: nothing is stored before it is submitted, so no draft can
ever send itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd import people, standing, typed_reading
from alertd.alert import Alert, Area, Status
from alertd.audience import Audience
from alertd.blank import Blank, BlankKind
from alertd.category import category_for
from alertd.db import reading
from alertd.dispatch import Person, Role
from alertd.errors import Problem, WrongAlert, WrongAudience
from alertd.issue import Submission
from alertd.site import Site
from alertd.template import Template, fill, template
from operator_console.visit import Visit

#: for how long an alert may be handed over, in hours
LIVES = (1, 3, 6, 12, 24)
#: the status that an operator can choose, the harmless one first
CHOICES = (Status.EXERCISE, Status.TEST, Status.ACTUAL)
_PREFIX = "blank:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The fields of the form, each as it was typed."""

    template: Template
    status: Status
    #: by blank, or `blank@language`
    values: Mapping[str, str]
    areas: tuple[str, ...]
    groups: tuple[str, ...]
    everybody: bool
    channels: tuple[str, ...]
    #: hours
    life: int
    #: how words are read in this alert, one a line, such as 下田=しただ
    readings: str = ""

    @property
    def free_text(self) -> bool:
        """Whether the words are the operator's own."""
        return any(blank.whole for blank in self.template.blanks)


def statuses(site: Site, person: Person) -> tuple[Status, ...]:
    """What this person may send on at least one channel."""
    carried = {status for settings in site.settings.values() for status in settings.carries}
    allowed = carried - {Status.ACTUAL} if Role.TRAINEE in person.roles else carried
    return tuple(status for status in CHOICES if status in allowed)


def carriers(site: Site, status: Status) -> tuple[str, ...]:
    """The channels that carry the status."""
    return tuple(name for name, settings in site.settings.items() if status in settings.carries)


def new(visit: Visit, template_id: str, status: str) -> Draft:
    """An empty draft with every channel that carries its status. Raises WrongAlert or NotFound."""
    chosen = _status(visit, status)
    return Draft(
        template=template(template_id),
        status=chosen,
        values={},
        areas=(),
        groups=(),
        everybody=False,
        channels=carriers(visit.site, chosen),
        life=6,
    )


def read(visit: Visit, template_id: str) -> Draft:
    """The draft in a form. Raises WrongAlert or NotFound when it is no form of ours."""
    life = visit.field("life")
    pressed = visit.site.config.presets.get(visit.field("preset"))
    return Draft(
        template=template(template_id),
        status=_status(visit, visit.field("status")),
        values={
            name.removeprefix(_PREFIX): visit.field(name) for name in visit.form if name.startswith(_PREFIX)
        },
        areas=pressed if pressed is not None else visit.fields("area"),
        groups=visit.fields("group"),
        everybody=bool(visit.field("everybody")),
        channels=visit.fields("channel"),
        life=int(life) if life in map(str, LIVES) else 6,
        readings=visit.field("readings"),
    )


def _status(visit: Visit, status: str) -> Status:
    allowed = statuses(visit.site, visit.operator)
    if status not in allowed:
        names = ", ".join(allowed) or "none"
        raise WrongAlert(
            Problem(
                "status",
                f"you cannot send {status!r} here; there are: {names}",
                "本番・訓練・試験のうち、配信できるものを選んでください。",
            )
        )
    return Status(status)


def languages_of(blank: Blank, draft_template: Template, languages: tuple[str, ...]) -> tuple[str, ...]:
    """The languages besides the first for which a blank may have a text of its own."""
    if blank.kind is not BlankKind.TEXT:
        return ()
    others = tuple(name for name in languages[1:] if name in draft_template.wordings)
    return others if blank.whole else tuple(name for name in others if name != "ja-easy")


def check_audience(draft: Draft) -> Audience:
    """Whom the draft means. Raises WrongAudience."""
    if draft.everybody and (draft.areas or draft.groups):
        raise WrongAudience(
            Problem(
                "areas",
                "“the whole city” cannot be combined with areas or groups; choose one",
                "「市内全域」と地区・グループは同時に選べません。どちらかにしてください。",
            )
        )
    if not draft.everybody and not draft.areas:
        raise WrongAudience(
            Problem(
                "areas",
                "no area is chosen; choose at least one, or the whole city",
                "対象地区を1つ以上選んでください。全員に送るときは「市内全域」を選んでください。",
            )
        )
    category = category_for(draft.status, draft.template.hazard, draft.template.severity)
    return Audience(areas=draft.areas, groups=draft.groups, everybody=draft.everybody, category=category)


def submission(site: Site, draft: Draft, *, identifier: str, sent: datetime) -> Submission:
    """What would be submitted. Raises WrongAlert or WrongAudience with every problem there is."""
    problems: list[Problem] = []
    audience = None
    try:
        audience = check_audience(draft)
    except WrongAudience as error:
        problems += error.problems
    if not draft.channels:
        problems.append(
            Problem(
                "channels", "no channel is chosen; choose at least one", "配信手段を1つ以上選んでください。"
            )
        )
    alert, readings = None, {}
    try:
        readings = typed_reading.typed(draft.readings.splitlines())
    except WrongAlert as error:
        problems += error.problems
    try:
        alert = _alert(site, draft, identifier, sent)
    except WrongAlert as error:
        problems += [problem for problem in error.problems if problem.field != "areas"]
    if problems or alert is None or audience is None:
        raise WrongAlert(problems)
    return Submission(
        alert=typed_reading.with_readings(alert, readings),
        audience=audience,
        channels=draft.channels,
        template=draft.template.id,
        life_threat=draft.template.life_threat,
    )


def _alert(site: Site, draft: Draft, identifier: str, sent: datetime) -> Alert:
    areas = _areas(site, draft)
    return fill(
        draft.template,
        {name: value for name, value in draft.values.items() if value},
        city=site.config.city,
        status=draft.status,
        identifier=identifier,
        sent=sent,
        expires=sent + timedelta(hours=draft.life),
        areas=areas,
        references=standing.replaced_by(site, draft.template, areas, status=draft.status),
    )


def _areas(site: Site, draft: Draft) -> tuple[Area, ...]:
    with reading(site.engine) as session:
        return people.as_areas(session, draft.areas, site.config.city.name, everybody=draft.everybody)
