"""Whether the siren sounds is read before anybody lets it go."""

from __future__ import annotations

import pytest

from alertd.alert import Status
from alertd.settings import read_settings
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings
from tests import factories
from tests.console.desk import Desk, check, form_of
from tests.factories import WRITER


@pytest.mark.parametrize(
    ("siren", "status", "template", "told"),
    [
        ("60-5-60", Status.ACTUAL, "flood-4", "鳴らします（放送の前に1回）"),
        ("60-5-60", Status.EXERCISE, "flood-4", "鳴らしません"),
        ("none", Status.ACTUAL, "flood-4", None),
    ],
)
def test_the_check_page_says_whether_the_siren_sounds(
    desk: Desk, siren: str, status: Status, template: str, told: str | None
) -> None:
    table = {"kind": "radio", "siren": siren, "carries": ["Actual", "Exercise"]}
    settings = read_settings(RadioSettings, table, "channels.radio")
    desk.site.config.channels["radio"] = settings  # type: ignore[index]
    desk.site._channels["radio"] = RadioChannel("radio", settings)
    factories.add_people(desk.site, ["239.192.9.1:5004"], kind="radio")
    browser = desk.signed_in(WRITER.name)
    page = check(browser, form_of(browser, status, channel=["radio"]), template)
    assert page.status_code == 200
    assert ("サイレン" in page.text) == (told is not None)
    assert told is None or told in page.text
