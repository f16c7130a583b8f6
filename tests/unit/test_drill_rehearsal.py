"""A rehearsal keeps what a drill says to whom, and makes its hours minutes and its far ends bad."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alertd.demo import rehearsal
from alertd.demo.city import people
from alertd.drill.file import find
from alertd.drill.scenario import Part
from alertd.errors import NotFound
from alertd.zones import zones


def test_the_same_is_said_to_the_same_in_a_sixtieth_of_the_time() -> None:
    drill = find("flood-yearly")
    fast = rehearsal.hastened(drill, 60)
    said = [step for step in drill.steps if step.eve is None]
    assert [(one.part, one.template, one.values, one.areas, one.meant) for one in fast.steps] == [
        (one.part, one.template, one.values, one.areas, one.meant) for one in said
    ]
    assert [one.after for one in fast.steps if one.part is Part.STEP] == [
        timedelta(seconds=seconds) for seconds in (0, 30, 90, 210)
    ]
    assert fast.steps[0].after == timedelta(seconds=-10)
    assert fast.goal.within == timedelta(seconds=15)


def test_a_bad_day_takes_the_power_of_one_area_and_fills_mailboxes(tmp_path: Path) -> None:
    wishes = rehearsal.Wishes(
        scenario=find("flood-yearly"), speed=60, recipients=300, bad_day=True, dark="嵐南", folder=tmp_path
    )
    troubles = rehearsal._troubles(wishes, tmp_path)
    code = next(zone.code for zone in zones() if zone.name == "嵐南")
    dark = set((tmp_path / "dark.txt").read_text().split())
    for person in people(300):
        lines = {contact.address for contact in person.contacts if contact.kind == "voice"}
        assert lines <= dark if person.area == code else not lines & dark
    assert sum("Mailbox full" in word for word in troubles["mail"]) > 5
    with pytest.raises(NotFound, match="嵐南"):
        rehearsal._troubles(
            rehearsal.Wishes(
                scenario=wishes.scenario, speed=60, recipients=9, bad_day=True, dark="月", folder=tmp_path
            ),
            tmp_path,
        )
