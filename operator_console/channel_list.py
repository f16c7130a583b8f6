"""The channels on screen: what each carries, whom it reaches, and when its far end last gave a sign of life."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Response

from alertd.channel import ChannelSettings
from alertd.db import reading
from alertd.link_test import Link, links
from alertd.store.places import contacts_by_kind
from operator_console.page import channel_names, page
from operator_console.visit import Visited


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One section."""

    name: str
    label: str
    settings: ChannelSettings
    link: Link
    contacts: int


def show(visit: Visited) -> Response:
    """GET /channels: read-only; sections are changed in the configuration file."""
    settings = visit.site.settings
    with reading(visit.site.engine) as session:
        counted = contacts_by_kind(session)
        ways = {link.channel: link for link in links(session, tuple(settings))}
    labelled = channel_names(visit, settings)
    lines = [
        Line(
            name=name,
            label=labelled[name],
            settings=one,
            link=ways[name],
            contacts=counted.get(one.reaches, 0),
        )
        for name, one in settings.items()
    ]
    return page(visit, "channels.html", lines=lines, file=visit.site.config.file)
