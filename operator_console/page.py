"""A page: a template of ours filled for one visit, in the visitor's language."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from alertd import language as languages
from alertd.address import phone_in_japan
from alertd.channel import ChannelSettings
from alertd.city import JST
from alertd.dispatch import Role
from alertd.site import Site
from operator_console import drill_bar, drill_labels, labels, shift, under_way
from operator_console.area_map import area_map, level_of
from operator_console.assets import asset_url
from operator_console.catalogue import LANGUAGES, mark, translate, translations
from operator_console.once import once
from operator_console.visit import Visit


class _Once(PackageLoader):
    """Our templates, each compiled once however many ask for it at the same moment.

    Twenty boards that open together would compile the same ones in twenty threads, for
    seconds in which the machine has alerts to send.
    """

    def __init__(self, package: str) -> None:
        super().__init__(package)
        self._made: dict[str, Template] = {}
        self._guard = threading.RLock()  # a template may be loaded while another one is

    def load(
        self, environment: Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> Template:
        """The template; the environment asks for it once for each thread that did not find it."""
        with self._guard:
            if name not in self._made:
                self._made[name] = super().load(environment, name, globals)
            return self._made[name]


@once
def environment(language: str) -> Environment:
    """The templates in one language; everything that is put in is escaped."""
    made = Environment(
        loader=_Once("operator_console"),
        autoescape=True,
        auto_reload=False,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(
        clock=clock, countdown=countdown, moment=moment, second=second, number=number, phone=phone, tag=tag
    )
    made.globals.update(
        labels=labels,
        asset_url=asset_url,
        duration=partial(duration, language),
        tongue=lambda name: languages.NAMES.get(name, (name, name))[0 if language == "ja" else 1],
        LANGUAGES=LANGUAGES,
        Role=Role,
        area_map=area_map,
        level_of=level_of,
        drills_coming=drill_bar.coming,
        drill_stages=drill_labels.STAGES,
        under_way=under_way.under_way,
        may_stop=under_way.may_stop,
        may_freeze=under_way.may_freeze,
        shift_waiting=shift.waiting,
        liftable=under_way.liftable,
    )
    return made


def clock(instant: datetime) -> str:
    """15:20:05 in Japan."""
    return f"{instant.astimezone(JST):%H:%M:%S}"


def moment(instant: datetime) -> str:
    """2026-11-23 15:20 in Japan."""
    return f"{instant.astimezone(JST):%Y-%m-%d %H:%M}"


def countdown(seconds: int) -> str:
    """1:02:03 to or since a moment, 2:03 below an hour."""
    hours, rest = divmod(abs(seconds), 3600)
    minutes = f"{hours}:{rest // 60:02}" if hours else str(rest // 60)
    return f"{minutes}:{rest % 60:02}"


def second(instant: datetime) -> str:
    """2026-11-23 15:20:05 in Japan."""
    return f"{instant.astimezone(JST):%Y-%m-%d %H:%M:%S}"


def duration(language: str, span: timedelta) -> str:
    """5 h 12 min, in whole minutes, rounded up; seconds below two minutes."""
    seconds = max(0, math.ceil(span.total_seconds()))
    if seconds < 120:
        return translate(language, mark("%(seconds)s s"), seconds=seconds)
    hours, minutes = divmod(math.ceil(seconds / 60), 60)
    if not hours:
        return translate(language, mark("%(minutes)s min"), minutes=minutes)
    return translate(language, mark("%(hours)s h %(minutes)s min"), hours=hours, minutes=minutes)


def number(count: int) -> str:
    """12,345"""
    return f"{count:,}"


def phone(address: str) -> str:
    """A number as Japan writes it, 0256-00-0100; any other address as it is."""
    return phone_in_japan(address) if address.startswith("+") else address


def tag(language: str) -> str:
    """The `lang` of a text: plain Japanese is Japanese to a screen reader."""
    return "ja" if languages.is_japanese(language) else language


def page(
    visit: Visit,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """The template, filled; `visit` and the city are always there."""
    return HTMLResponse(fragment(visit, template, **values), status, dict(headers or {}))


def fragment(visit: Visit, template: str, **values: object) -> str:
    """The same as text: a piece of a page."""
    return (
        environment(visit.language)
        .get_template(template)
        .render(visit=visit, city=visit.site.config.city, simulated=simulated(visit.site), **values)
    )


def simulated(site: Site) -> bool:
    """Whether any channel ends in a simulation: then every page says so."""
    return any(settings.simulated for settings in site.settings.values())


def channel_names(visit: Visit, names: Iterable[str]) -> dict[str, str]:
    """What each of these channel sections is called on screen."""
    return {name: channel_name(visit.language, name, visit.site.settings.get(name)) for name in names}


def channel_name(language: str, name: str, settings: ChannelSettings | None) -> str:
    """What a channel section is called on screen: its kind, and its name."""
    if settings is None:
        return name
    kind = labels.KINDS.get(settings.kind)
    return f"{translate(language, kind)} ({name})" if kind else name
