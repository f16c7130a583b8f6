"""The reach of a draft: the channels it may use, and how many households and contacts they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alertd import people
from alertd.audience import Audience
from alertd.channel import Medium
from alertd.db import reading
from alertd.errors import Problem, WrongAlert, WrongAudience
from alertd.site import Site
from alertd.store.published import area_names
from operator_console.draft import Draft, check_audience
from operator_console.page import channel_name
from operator_console.visit import Visit


@dataclass(frozen=True, slots=True)
class Choice:
    """A channel as the form offers it."""

    name: str
    label: str
    medium: Medium
    simulated: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many a draft would reach, or why it would reach nobody."""

    households: int
    channels: Sequence[tuple[Choice, int]]
    problem: str | None


def counts(visit: Visit, draft: Draft) -> Counts:
    """How many the draft would reach as it stands."""
    homes = households(visit.site, draft)
    choices = [choice(visit, name) for name in draft.channels if name in visit.site.settings]
    try:
        # the numbers are wanted before the reason is written
        audience = check_audience(replace(draft, why="-") if draft.elsewhere and not draft.why else draft)
    except WrongAudience as error:
        return Counts(homes, [], " ".join(visit.problem(problem) for problem in error.problems))
    with reading(visit.site.engine) as session:
        found = people.count(session, audience, [visit.site.line(one.name) for one in choices])
        try:
            people.check_elsewhere(session, audience, found, [one.name for one in choices])
        except WrongAudience as error:
            return Counts(homes, [], " ".join(visit.problem(problem) for problem in error.problems))
    return Counts(homes, [(one, found[one.name]) for one in choices], None)


@dataclass(frozen=True, slots=True)
class Apart:
    """A channel that goes to other areas than the rest; `areas` empty = the whole city."""

    label: str
    areas: Sequence[str]


def elsewhere(visit: Visit, audience: Audience) -> Sequence[Apart]:
    """The channels with areas of their own, by the names that people know."""
    if not audience.elsewhere:
        return ()
    with reading(visit.site.engine) as session:
        names = area_names(session)
    return [
        Apart(
            channel_name(visit.language, one.channel, visit.site.settings.get(one.channel)),
            [names.get(code, code) for code in one.areas],
        )
        for one in audience.elsewhere
    ]


def households(site: Site, draft: Draft) -> int:
    """The households in the draft's areas."""
    with reading(site.engine) as session:
        rows = people.areas(session)
    return sum(row.households for row in rows if draft.everybody or row.code in draft.areas)


def choice(visit: Visit, name: str) -> Choice:
    """The channel section of that name. Raises WrongAlert."""
    site = visit.site
    settings = site.settings.get(name)
    if settings is None:
        raise WrongAlert(
            Problem("channels", f"there is no channel {name!r}", f"配信手段「{name}」はありません。")
        )
    return Choice(
        name,
        channel_name(visit.language, name, settings),
        site.channel(name).traits.medium,
        settings.simulated,
    )
