"""What is in force: the last word for each area and hazard, until it is lifted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alertd.alert import Alert, Area, MsgType, NamedValue, ResponseType, Status
from alertd.city import City
from alertd.correction import cancellation
from alertd.orders import ZONE, Order, followed, in_force
from alertd.template import fill, templates

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
AREAS = {"RNN": "嵐南", "RHK": "嵐北", "IGR": "井栗"}
CITY = City()


def order(template: str, *codes: str, at: int = 0, status: Status = Status.ACTUAL) -> Alert:
    sent = NOW + timedelta(minutes=at)
    used = templates()[template]
    areas = tuple(Area(description=AREAS[code], geocodes=(NamedValue(ZONE, code),)) for code in codes)
    names = ("river", "shelters_opened", "place", "intensity", "until")
    return fill(
        used,
        {blank.name: blank.example for blank in used.blanks if blank.name in names},
        city=CITY,
        status=status,
        identifier=f"152048.{template}.{at}",
        sent=sent,
        expires=sent + timedelta(hours=6),
        areas=areas or (Area(description="三条市全域"),),
    )


def holding(
    *alerts: Alert, after: int = 60, status: Status = Status.ACTUAL
) -> set[tuple[str, str, int | None]]:
    orders = in_force(alerts, AREAS, NOW + timedelta(minutes=after), status=status)
    return {(order.area, str(order.hazard), order.level) for order in orders}


def test_different_hazards_hold_side_by_side_in_one_area() -> None:
    both = holding(order("flood-3", "RNN"), order("landslide-4", "RNN", at=1))
    assert both == {("RNN", "flood", 3), ("RNN", "landslide", 4)}


def test_the_last_word_speaks_for_an_area_and_hazard_up_and_down() -> None:
    assert holding(order("flood-3", "RNN"), order("flood-5", "RNN", at=1)) == {("RNN", "flood", 5)}
    assert holding(order("flood-4", "RNN"), order("flood-3", "RNN", at=1)) == {("RNN", "flood", 3)}


def test_an_order_holds_for_days_and_advice_ends_by_itself() -> None:
    alerts = (order("flood-4", "RNN"), order("heavy-snow", "RNN", at=1))
    assert holding(*alerts) == {("RNN", "flood", 4), ("RNN", "snow", None)}
    assert holding(*alerts, after=5 * 24 * 60) == {("RNN", "flood", 4)}


def test_an_all_clear_ends_its_hazard_in_its_areas_alone() -> None:
    alerts = (order("flood-4", "RNN", "RHK"), order("landslide-4", "RNN", at=1))
    assert holding(*alerts, order("flood-lifted", "RNN", at=2)) == {
        ("RHK", "flood", 4),
        ("RNN", "landslide", 4),
    }


def test_the_whole_city_is_all_of_its_areas() -> None:
    everywhere = order("flood-4")
    assert {area for area, _, _ in holding(everywhere)} == set(AREAS)
    assert ("RNN", "flood", 4) not in holding(everywhere, order("flood-lifted", "RNN", at=1))
    assert holding(order("flood-4", "RNN"), order("flood-lifted", at=1)) == set()


def test_a_cancel_takes_away_what_was_wrong() -> None:
    wrong = order("flood-5", "RNN")
    calling_off = cancellation(
        wrong, identifier="c", sent=NOW + timedelta(minutes=1), expires=NOW + timedelta(hours=1), city=CITY
    )
    assert holding(wrong, calling_off) == set()


def test_a_drill_never_stands_among_the_real_orders() -> None:
    drill = order("flood-4", "RNN", status=Status.EXERCISE)
    assert holding(drill) == set()
    assert holding(drill, status=Status.EXERCISE) == {("RNN", "flood", 4)}


def _followed(template: str, areas: tuple[str, ...], *before: Alert) -> list[str]:
    orders: tuple[Order, ...] = in_force(before, AREAS, NOW + timedelta(minutes=60))
    used = templates()[template]
    found = followed(orders, used.hazard, areas, level=used.level, responses=used.responses)
    return [reference.identifier for reference in found]


def test_another_level_and_an_all_clear_are_updates_of_what_they_replace() -> None:
    assert _followed("flood-5", ("RNN",), order("flood-4", "RNN")) == ["152048.flood-4.0"]
    assert _followed("flood-lifted", ("RNN", "RHK"), order("flood-4", "RNN")) == ["152048.flood-4.0"]
    two = (order("flood-4", "RNN"), order("flood-3", "RHK", at=1))
    assert _followed("flood-lifted", ("RNN", "RHK"), *two) == ["152048.flood-4.0", "152048.flood-3.1"]


def test_nothing_is_replaced_that_still_holds_elsewhere_or_is_of_another_kind() -> None:
    assert _followed("flood-lifted", ("RNN",), order("flood-4", "RNN", "RHK")) == []
    assert _followed("landslide-4", ("RNN",), order("flood-4", "RNN")) == []
    assert _followed("notice", ("RNN",), order("flood-4", "RNN")) == []


def test_an_update_takes_the_place_of_what_it_references() -> None:
    first = order("flood-4", "RNN", "RHK")
    second = replace(order("flood-5", "RNN", at=1), msg_type=MsgType.UPDATE, references=(first.reference,))
    assert holding(first, second) == {("RNN", "flood", 5)}
    assert ResponseType.SHELTER in second.infos[0].response_types
