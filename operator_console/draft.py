"""A Draft: what an operator has filled in so far, and the alert that it makes.

What is kept of it while somebody types is the form alone (`alertd.saved_draft`), so no
draft can ever send itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd import people, saved_draft, siren, standing, typed_reading
from alertd.alert import Alert, Area, Status
from alertd.audience import Audience, Elsewhere
from alertd.blank import Blank, BlankKind
from alertd.category import category_for
from alertd.db import reading
from alertd.dispatch import Person, Role
from alertd.errors import Problem, WrongAlert, WrongAudience
from alertd.follow_up import FollowUp
from alertd.following import following
from alertd.issue import Submission
from alertd.saved_draft import Form
from alertd.site import Site
from alertd.template import Template, fill, template
from operator_console.visit import Visit

#: for how long an alert may be handed over, in hours
LIVES = (1, 3, 6, 12, 24)
#: the status that an operator can choose, the harmless one first
CHOICES = (Status.EXERCISE, Status.TEST, Status.ACTUAL)
_PREFIX = "blank:"
#: fields of the areas of one channel; the whole city is a value of its own
_OVER = "over:"
WHOLE = "*"
#: the operator's word on the siren, as the form has it
_SIREN = {"yes": True, "no": False}
#: characters of a token that are read
LONGEST_TOKEN = 43


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
    #: by channel that goes to other areas: their codes, or WHOLE
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: what for
    why: str = ""
    #: how words are read in this alert, one a line, such as 下田=しただ
    readings: str = ""
    #: whether loudspeakers sound their siren; None = as the level asks, and never in a drill
    siren: bool | None = None
    #: what it is kept under while somebody types
    token: str = ""
    #: the dispatch that it follows up, and how
    follows: int | None = None
    follow_up: FollowUp | None = None

    @property
    def told(self) -> bool:
        """Whether it goes to exactly those whom the alert before was for, by the same contacts."""
        return self.follow_up is FollowUp.CORRECTION and self.follows is not None

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


def sirens(site: Site, draft: Draft) -> tuple[str, ...]:
    """The channels whose siren the draft's level allows."""
    if not siren.allowed(draft.template.level):
        return ()
    return tuple(
        name for name in carriers(site, draft.status) if site.channel(name).traits.signals.siren is not None
    )


def siren_field(draft: Draft) -> str:
    """The operator's word on the siren, as the form has it; empty = as the level asks."""
    return next((text for text, word in _SIREN.items() if word is draft.siren), "")


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
        token=saved_draft.new_token(),
    )


def read(visit: Visit, template_id: str, kept: Form | None = None) -> Draft:
    """The draft in the visit's form, or in a `kept` one. Raises WrongAlert or NotFound when it is none of ours."""
    form: Form = visit.form if kept is None else kept

    def one(name: str) -> str:
        return (form.get(name) or ("",))[-1].strip()

    def fields(name: str) -> tuple[str, ...]:
        return tuple(form.get(name, ()))

    life, follows, how = one("life"), one("follows"), one("follow_up")
    pressed = visit.site.config.presets.get(one("preset"))
    return Draft(
        template=template(template_id),
        status=_status(visit, one("status")),
        values={name.removeprefix(_PREFIX): one(name) for name in form if name.startswith(_PREFIX)},
        areas=pressed if pressed is not None else fields("area"),
        groups=fields("group"),
        everybody=bool(one("everybody")),
        channels=fields("channel"),
        life=int(life) if life in map(str, LIVES) else 6,
        elsewhere={
            name.removeprefix(_OVER): fields(name) for name in form if name.startswith(_OVER) and fields(name)
        },
        why=one("why"),
        readings=one("readings"),
        siren=_SIREN.get(one("siren")),
        token=one("draft")[:LONGEST_TOKEN] or saved_draft.new_token(),
        follows=int(follows) if follows.isascii() and follows.isdigit() and len(follows) < 18 else None,
        follow_up=FollowUp(how) if how in list(FollowUp) else None,
    )


def form_of(draft: Draft) -> Form:
    """The fields of the form that is kept of a draft; `read` reads them back."""
    return {
        "status": (draft.status,),
        "life": (str(draft.life),),
        "readings": (draft.readings,),
        "siren": (siren_field(draft),),
        "area": draft.areas,
        "group": draft.groups,
        "everybody": ("yes",) if draft.everybody else (),
        "channel": draft.channels,
        **{f"{_OVER}{name}": codes for name, codes in draft.elsewhere.items()},
        "why": (draft.why,) if draft.why else (),
        "draft": (draft.token,),
        "follows": (str(draft.follows),) if draft.follows is not None else (),
        "follow_up": (draft.follow_up,) if draft.follow_up is not None else (),
        **{f"{_PREFIX}{name}": (value,) for name, value in draft.values.items()},
    }


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
    if draft.told:
        return Audience(told=draft.follows)
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
    return Audience(
        areas=draft.areas,
        groups=draft.groups,
        everybody=draft.everybody,
        category=category,
        elsewhere=tuple(
            Elsewhere(
                channel=name,
                areas=tuple(code for code in codes if code != WHOLE),
                everybody=WHOLE in codes,
            )
            for name, codes in draft.elsewhere.items()
        ),
        why=draft.why,
    )


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
    if draft.siren is not None and sirens(site, draft):
        alert = siren.with_siren(alert, sounds=draft.siren)
    return Submission(
        alert=typed_reading.with_readings(alert, readings),
        audience=audience,
        channels=draft.channels,
        template=draft.template.id,
        life_threat=draft.template.life_threat,
        follows=draft.follows,
        follow_up=draft.follow_up,
    )


def _alert(site: Site, draft: Draft, identifier: str, sent: datetime) -> Alert:
    areas = _areas(site, draft)
    alert = fill(
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
    alert = standing.with_the_rest(site, alert, draft.template, areas)
    if draft.follows is None or draft.follow_up is None:
        return alert
    return following(site, alert, draft.follows, draft.follow_up)


def _areas(site: Site, draft: Draft) -> tuple[Area, ...]:
    with reading(site.engine) as session:
        return people.as_areas(session, draft.areas, site.config.city.name, everybody=draft.everybody)
