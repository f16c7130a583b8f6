"""Writing an alert on the command line: from its words to a submission, by template or CAP file."""

from __future__ import annotations

import difflib
import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import typer

from alertd import people, standing, typed_reading
from alertd.alert import Alert, Area, Status
from alertd.audience import Audience, Elsewhere
from alertd.db import reading
from alertd.errors import NotFound, Problem, WrongAlert, WrongAudience
from alertd.issue import Submission
from alertd.reissue import reissue
from alertd.siren import with_siren
from alertd.site import Site
from alertd.tables import AreaRow
from alertd.template import fill, template

#: names that stand for every area
_ALL = frozenset({"all", "全域"})


def submission(
    site: Site,
    *,
    document: Alert | None,
    template_id: str | None,
    values: Sequence[str],
    readings: Sequence[str],
    areas: Sequence[str],
    groups: Sequence[str],
    everybody: bool,
    areas_for: Sequence[str],
    reason: str,
    channels: Sequence[str],
    exercise: bool,
    siren: bool | None,
    hours: float,
) -> Submission:
    """What is handed in. Raises WrongAlert, WrongAudience and, for words of no meaning, typer's wrong use."""
    if (document is None) == (template_id is None):
        raise typer.BadParameter("give a CAP file or --template, and not both", param_hint="FILE.xml")
    if document is not None and values:
        raise typer.BadParameter("belongs to --template; a CAP file has its own words", param_hint="--set")
    try:
        typed = typed_reading.typed(readings)
    except WrongAlert as error:
        raise typer.BadParameter(str(error), param_hint="--reading") from error
    with wrong_use("--area"):
        chosen = areas_named(site, areas)
    if document is not None and not (areas or groups or everybody):
        chosen = _areas_of(site, document)
    with wrong_use("--area-for"):
        elsewhere = _elsewhere(site, areas_for)
    with wrong_use("--area, --group, --everybody, --area-for or --reason"):
        audience = Audience(
            areas=() if everybody else tuple(row.code for row in chosen),
            groups=tuple(groups),
            everybody=everybody,
            elsewhere=elsewhere,
            why=reason.strip(),
        )
    now = site.clock.now()
    status = Status.EXERCISE if exercise else Status.ACTUAL
    expires = now + timedelta(hours=hours)
    identifier = f"{site.config.city.code}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    if document is not None:
        alert = reissue(
            document, status=status, identifier=identifier, sent=now, expires=expires, city=site.config.city
        )
        alert = _with_siren(typed_reading.with_readings(alert, typed), siren)
        return Submission(alert=alert, audience=audience, channels=_channels(site, channels, alert.status))
    assert template_id is not None
    with wrong_use("--template"):
        used = template(template_id)
    described = _described(site, chosen, everybody=everybody)
    alert = fill(
        used,
        _pairs(values),
        city=site.config.city,
        status=status,
        identifier=identifier,
        sent=now,
        expires=expires,
        areas=described,
        references=standing.replaced_by(site, used, described, status=status),
    )
    alert = standing.with_the_rest(site, alert, used, described)
    return Submission(
        alert=_with_siren(typed_reading.with_readings(alert, typed), siren),
        audience=audience,
        channels=_channels(site, channels, status),
        template=used.id,
        life_threat=used.life_threat,
    )


def _elsewhere(site: Site, areas_for: Sequence[str]) -> tuple[Elsewhere, ...]:
    """`channel=area`, as often as a channel has areas of its own."""
    by_channel: dict[str, list[str]] = {}
    for pair in areas_for:
        channel, sign, area = pair.partition("=")
        if not (sign and area):
            raise typer.BadParameter(f"{pair!r} is not channel=area", param_hint="--area-for")
        by_channel.setdefault(site.line(channel).name, []).append(area)
    return tuple(
        Elsewhere(channel=channel, everybody=True)
        if {_key(name) for name in names} & _ALL
        else Elsewhere(channel=channel, areas=tuple(row.code for row in areas_named(site, names)))
        for channel, names in by_channel.items()
    )


def _with_siren(alert: Alert, siren: bool | None) -> Alert:
    return alert if siren is None else with_siren(alert, sounds=siren)


@contextmanager
def wrong_use(option: str) -> Iterator[None]:
    """What is not there by the name that was typed is wrong use of that option."""
    try:
        yield
    except (NotFound, WrongAudience) as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def _described(site: Site, chosen: Sequence[AreaRow], *, everybody: bool) -> tuple[Area, ...]:
    with reading(site.engine) as session:
        codes = [row.code for row in chosen]
        return people.as_areas(session, codes, site.config.city.name, everybody=everybody)


def areas_named(site: Site, wanted: Sequence[str]) -> list[AreaRow]:
    """The areas by code or name; “all” is every one. Raises NotFound with what was meant."""
    with reading(site.engine) as session:
        rows = people.areas(session)
    by_name = {_key(row.code): row for row in rows} | {_key(row.name): row for row in rows}
    chosen: dict[str, AreaRow] = {}
    for name in wanted:
        if _key(name) in _ALL:
            chosen |= {row.code: row for row in rows}
            continue
        row = by_name.get(_key(name)) or by_name.get(_key(name).removesuffix("地区"))
        if row is None:
            near = difflib.get_close_matches(_key(name), by_name, n=1)
            there = ", ".join(f"{row.code} {row.name}" for row in rows) or "none yet"
            hint = f"did you mean {by_name[near[0]].name}?" if near else f"there are: {there}"
            raise NotFound(f"there is no area “{name}”; {hint}")
        chosen[row.code] = row
    return list(chosen.values())


def _areas_of(site: Site, document: Alert) -> list[AreaRow]:
    """The areas of ours that a document names by our geocode or by their name."""
    named = {
        word
        for info in document.infos
        for area in info.areas
        for word in (area.description, *(code.value for code in area.geocodes if code.name == people.ZONE))
    }
    with reading(site.engine) as session:
        rows = people.areas(session)
    known = {_key(word).removesuffix("地区") for word in named}
    return [row for row in rows if _key(row.code) in known or _key(row.name) in known]


def _key(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().lower()


def _channels(site: Site, wanted: Sequence[str], status: Status) -> list[str]:
    """The channels that were named, else all that carry the status."""
    with wrong_use("--channel"):
        if wanted:
            return [site.line(name).name for name in dict.fromkeys(wanted)]
    fit = [name for name, settings in site.settings.items() if status in settings.carries]
    if not fit:
        raise WrongAlert(
            Problem("status", f"no channel carries {status}; see `carries` in the sections [channels.NAME]")
        )
    return fit


def _pairs(values: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in values:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise typer.BadParameter(f"“{pair}” is not of the form name=value", param_hint="--set")
        pairs[key.strip()] = value
    return pairs
