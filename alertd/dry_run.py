"""The dry run: what a section of the configuration would send, to how many, and in which words. Nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from alertd import people
from alertd.alert import Area, Status
from alertd.audience import Audience
from alertd.render import languages, render
from alertd.settled import Difference
from alertd.site import Site
from alertd.template import template
from alertd.template_preview import example
from alertd.watched import CHANNEL

#: a template that every installation has, for a level at which people act
TEMPLATE = "flood-4"
#: keys that name the far end, and whom it takes us for
_WHERE = ("host", "port", "relays", "api_url", "url", "interface", "group", "sender", "caller_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Would:
    """What one section would do with an alert of one status for everybody."""

    channel: str
    kind: str
    status: Status
    #: it did not carry this status before
    new: bool
    contacts: int
    #: where it goes, as the file has it
    where: Mapping[str, str]
    headline: str
    #: the first line of what is written or said
    begins: str


def dry_run(session: Session, site: Site, differences: Sequence[Difference]) -> list[Would]:
    """Of each section that this program runs with: an example for everybody, status by status."""
    found = []
    for one in differences:
        name = one.section.removeprefix(CHANNEL)
        if not one.section.startswith(CHANNEL) or name not in site.config.sections:
            continue
        settings = site.config.sections[name]
        contacts = people.at_most(session, Audience(everybody=True), site.line(name))
        before = _carried(one, settings.carries)
        where = {
            key: str(value)
            for key, value in settings.model_dump(include=set(_WHERE), exclude_unset=True).items()
            if "@" not in str(value) or key == "sender"
        }
        for status in settings.carries:
            headline, begins = _words(site, name, status)
            found.append(
                Would(
                    channel=name,
                    kind=settings.kind,
                    status=status,
                    new=status not in before,
                    contacts=contacts,
                    where=where,
                    headline=headline,
                    begins=begins,
                )
            )
    return found


def _carried(one: Difference, now: Sequence[Status]) -> Sequence[Status]:
    """What the section carried before; nothing when it is new."""
    if "kind" in one.keys and one.keys["kind"][0] is None:
        return ()
    if "carries" not in one.keys:
        return now
    before = one.keys["carries"][0]
    return [Status(status) for status in json.loads(before)] if before is not None else ()


def _words(site: Site, name: str, status: Status) -> tuple[str, str]:
    """Headline and first line of the example, in the city's first language."""
    city, now = site.config.city, site.clock.now().replace(microsecond=0)
    areas = (Area(description=city.name),)
    alert = example(template(TEMPLATE), city, now, areas, status)
    words = render(alert, languages(alert)[0], site.channel(name).traits.medium, city)
    lines = [line for line in words.text.splitlines() if line.strip()]
    return words.headline, lines[0] if lines else ""
