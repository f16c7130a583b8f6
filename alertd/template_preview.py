"""A template's preview: what it would say with its own examples, in each language and medium, marked as a drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.alert import Alert, Area, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.render import Words, languages, render
from alertd.template import Template, fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The words of one language and medium."""

    language: str
    medium: Medium
    words: Words


def example(
    template: Template,
    city: City,
    now: datetime,
    areas: Sequence[Area],
    status: Status = Status.EXERCISE,
) -> Alert:
    """The template filled with its own examples. Raises WrongAlert when they do not fit."""
    values = {blank.name: blank.example for blank in template.blanks if blank.name != "area"}
    return fill(
        template,
        values,
        city=city,
        status=status,
        identifier="preview",
        sent=now,
        expires=now + timedelta(hours=6),
        areas=areas,
    )


def previews(alert: Alert, city: City) -> list[Preview]:
    """What the alert says, language by language, in every medium."""
    return [
        Preview(language=language, medium=medium, words=render(alert, language, medium, city))
        for language in languages(alert)
        for medium in Medium
    ]
