"""Every template that is shipped can be spoken whole, in drills and in earnest."""

from datetime import UTC, datetime, timedelta

import pytest

from alertd.alert import Area, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.render import languages, render
from alertd.template import fill, templates
from tts.unread import unread

NOW = datetime(2026, 7, 13, 6, 20, tzinfo=UTC)


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
@pytest.mark.parametrize("chosen", templates().values(), ids=lambda chosen: chosen.id)
def test_no_template_holds_a_character_that_nobody_would_hear(synthesizer, chosen, status):
    city = City()
    alert = fill(
        chosen,
        {blank.name: blank.example for blank in chosen.blanks if blank.name != "area"},
        city=city,
        status=status,
        identifier="sanjo.1",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=[Area(description="嵐南地区")],
    )
    # the examples of the blanks are Japanese, so only the Japanese texts are complete
    for language in (language for language in languages(alert) if language.startswith("ja")):
        for medium in (Medium.CALL, Medium.OUTDOOR, Medium.BROADCAST):
            script = render(alert, language, medium, city).script
            assert script is not None
            assert unread(synthesizer.reading(script), language) == ""
