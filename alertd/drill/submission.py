"""The submission of one message of a drill: its step filled for one time, one audience, one set of sections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import people
from alertd.alert import Status
from alertd.audience import Audience
from alertd.config import Config
from alertd.db import reading
from alertd.drill.scenario import Meant, Scenario, Step
from alertd.errors import NotFound, Problem, WrongAudience
from alertd.papers import Submission
from alertd.siren import with_siren
from alertd.site import Site
from alertd.template import fill, template

_DAYS = "月火水木金土日"


def submission(
    site: Site,
    scenario: Scenario,
    step: Step,
    *,
    starts_at: datetime,
    identifier: str,
    number: int | None = None,
) -> Submission:
    """What is handed in for a step; always an Exercise. `number` is that of the stored step.

    Raises WrongAlert, WrongAudience or NotFound when the city does not have what the
    scenario names.
    """
    due_at = scenario.due_at(step, starts_at) or starts_at
    with reading(site.engine) as session:
        codes = _codes(session, step.areas)
        described = people.as_areas(
            session,
            codes or [row.code for row in people.areas(session)],
            site.config.city.name,
            everybody=not codes,
        )
    used = template(step.template)
    values = dict(step.values)
    if any(blank.name == "drill_day" for blank in used.blanks):
        values |= _day(scenario, starts_at)
    alert = fill(
        used,
        values,
        city=site.config.city,
        status=Status.EXERCISE,
        identifier=identifier,
        sent=due_at,
        expires=due_at + step.life,
        areas=described,
    )
    return Submission(
        alert=with_siren(alert, sounds=step.siren),
        audience=audience(site.config, step, codes),
        channels=sections(site, step),
        template=used.id,
        drill_step=number,
    )


def audience(config: Config, step: Step, codes: Sequence[str]) -> Audience:
    """Whom a step is for; areas choose among everybody, never among staff and subscribers."""
    groups = {Meant.STAFF: config.drill.staff_group, Meant.SUBSCRIBERS: config.drill.subscribers_group}
    if Meant.EVERYBODY not in step.meant:
        return Audience(groups=tuple(groups[meant] for meant in step.meant))
    return Audience(areas=tuple(codes)) if codes else Audience(everybody=True)


def sections(site: Site, step: Step) -> tuple[str, ...]:
    """The channel sections that a step goes over. Raises WrongAudience or NotFound."""
    fit = [name for name in site.settings if section_problem(site, name) is None]
    if not step.channels:
        if not fit:
            raise WrongAudience(
                Problem(
                    "channels",
                    "no section is for drills alone; add one with its own sender and carries = "
                    '["Exercise", "Test"], or set separate = false in [drill]',
                    "訓練専用の配信手段がありません。",
                )
            )
        return tuple(fit)
    for name in step.channels:
        site.line(name)
        if (problem := section_problem(site, name)) is not None:
            raise WrongAudience(
                Problem("channels", problem, f"「{name}」は訓練専用の配信手段ではありません。")
            )
    return tuple(dict.fromkeys(step.channels))


def section_problem(site: Site, name: str) -> str | None:
    """Why a drill may not go over a section; None = it may."""
    carried = site.settings[name].carries
    if Status.EXERCISE not in carried:
        return f"channel “{name}” does not carry Exercise; choose another one or change `carries`"
    if site.config.drill.separate and Status.ACTUAL in carried:
        return (
            f"channel “{name}” carries real alerts too; give drills a section of their own, "
            "or set separate = false in [drill]"
        )
    return None


def _codes(session: Session, wanted: Sequence[str]) -> tuple[str, ...]:
    """The codes of areas that are named by code or by name. Raises NotFound."""
    rows = people.areas(session)
    known = {row.code: row.code for row in rows} | {row.name: row.code for row in rows}
    codes = []
    for name in wanted:
        code = known.get(name) or known.get(name.removesuffix("地区"))
        if code is None:
            there = "、".join(row.name for row in rows) or "none yet"
            raise NotFound(f"there is no area “{name}”; there are: {there}")
        codes.append(code)
    return tuple(dict.fromkeys(codes))


def _day(scenario: Scenario, starts_at: datetime) -> dict[str, str]:
    """When the drill is, as each language says it."""
    local = starts_at.astimezone(scenario.zone)
    half = "午前" if local.hour < 12 else "午後"
    minutes = f"{local.minute}分" if local.minute else ""
    japanese = f"{local.month}月{local.day}日（{_DAYS[local.weekday()]}） {half}{local.hour % 12}時{minutes}"
    english = f"{local:%A}, {local:%B} {local.day}, {local:%H:%M}"
    return {"drill_day": japanese, "drill_day@en": english}
