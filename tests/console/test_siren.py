"""Whether the siren sounds is read before anybody lets it go."""

from __future__ import annotations

import pytest

from alertd.alert import Status
from alertd.settings import read_settings
from channels.radio import RadioChannel
from channels.radio_settings import RadioSettings
from tests import factories
from tests.console.desk import Desk, check, form_of, submit
from tests.factories import APPROVER, WRITER


def with_siren(desk: Desk, siren: str = "60-5-60") -> None:
    """Loudspeakers in one zone, with this siren, in the desk's city."""
    table = {"kind": "radio", "siren": siren, "carries": ["Actual", "Exercise"]}
    settings = read_settings(RadioSettings, table, "channels.radio")
    desk.site.config.channels["radio"] = settings  # type: ignore[index]
    desk.site._channels["radio"] = RadioChannel("radio", settings)
    factories.add_people(desk.site, ["239.192.9.1:5004"], kind="radio")


@pytest.mark.parametrize(
    ("siren", "status", "template", "word", "told"),
    [
        ("60-5-60", Status.ACTUAL, "flood-4", "", "鳴らします（放送の前に1回）"),
        ("60-5-60", Status.ACTUAL, "flood-4", "no", "鳴らしません"),
        ("60-5-60", Status.EXERCISE, "flood-4", "", "鳴らしません"),
        ("60-5-60", Status.EXERCISE, "flood-4", "yes", "鳴らします（放送の前に1回）"),
        ("60-5-60", Status.ACTUAL, "flood-3", "yes", "鳴らしません"),
        ("none", Status.ACTUAL, "flood-4", "yes", None),
    ],
)
def test_the_check_page_says_whether_the_siren_sounds(
    desk: Desk, siren: str, status: Status, template: str, word: str, told: str | None
) -> None:
    with_siren(desk, siren)
    browser = desk.signed_in(WRITER.name)
    page = check(browser, form_of(browser, status, channel=["radio"], siren=word), template)
    assert page.status_code == 200
    assert ("サイレン" in page.text) == (told is not None)
    assert told is None or told in page.text


def test_the_word_on_the_siren_is_chosen_in_the_form_where_the_level_allows_it(desk: Desk) -> None:
    with_siren(desk)
    browser = desk.signed_in(WRITER.name)
    assert 'name="siren"' in browser.get("/alerts/new/flood-4?status=Actual").text
    drill = browser.get("/alerts/new/flood-4?status=Exercise").text
    assert "鳴らさない（訓練では通常）" in drill
    assert 'name="siren"' not in browser.get("/alerts/new/flood-3?status=Actual").text


def test_who_approves_reads_what_was_chosen(desk: Desk) -> None:
    with_siren(desk)
    browser = desk.signed_in(WRITER.name)
    number = submit(browser, form_of(browser, Status.EXERCISE, channel=["radio"], siren="yes"))
    page = desk.signed_in(APPROVER.name).get(f"/alerts/{number}/approve")
    assert "鳴らします（放送の前に1回）" in page.text
