"""Points, rings and circles: what lies where, in the size of a city."""

from __future__ import annotations

import math
import random

import pytest

from alertd.geometry import crosses_itself, in_circle, in_polygon, in_ring, inner_point, overlap

SQUARE = ((37.0, 138.0), (37.0, 139.0), (38.0, 139.0), (38.0, 138.0), (37.0, 138.0))
HOLE = ((37.4, 138.4), (37.4, 138.6), (37.6, 138.6), (37.6, 138.4), (37.4, 138.4))
#: an L, whose centre of mass lies outside
ELL = ((0.0, 0.0), (0.0, 3.0), (1.0, 3.0), (1.0, 1.0), (3.0, 1.0), (3.0, 0.0), (0.0, 0.0))


def moved(ring: tuple[tuple[float, float], ...], north: float, east: float) -> list[tuple[float, float]]:
    return [(lat + north, lon + east) for lat, lon in ring]


def test_a_point_is_inside_or_it_is_not() -> None:
    assert in_ring((37.5, 138.5), SQUARE) and not in_ring((36.9, 138.5), SQUARE)
    assert not in_ring((2.0, 2.0), ELL) and in_ring((0.5, 2.0), ELL)
    assert in_polygon((37.2, 138.2), [SQUARE, HOLE]) and not in_polygon((37.5, 138.5), [SQUARE, HOLE])
    assert not in_polygon((37.5, 138.5), [])


@pytest.mark.parametrize(
    ("ring", "there"),
    [
        (moved(SQUARE, 0.5, 0.5), True),
        (moved(SQUARE, 1.5, 0.0), False),
        (moved(SQUARE, 1.0, 0.0), False),
        (SQUARE, True),
        (HOLE, False),
        (moved(HOLE, 0.1, 0.0), True),
        ([(30.0, 130.0), (30.0, 145.0), (45.0, 145.0), (45.0, 130.0), (30.0, 130.0)], True),
        ([(37.7, 138.7), (37.7, 138.8), (37.8, 138.8), (37.7, 138.7)], True),
        # a beam across, no corner of either inside the other
        ([(37.2, 137.0), (37.3, 137.0), (37.3, 140.0), (37.2, 140.0), (37.2, 137.0)], True),
    ],
)
def test_two_grounds_overlap_when_they_share_some(ring: list[tuple[float, float]], there: bool) -> None:
    assert overlap([SQUARE, HOLE], ring) is there


def test_the_inner_point_lies_inside_whatever_the_shape() -> None:
    dice = random.Random(5)
    for _ in range(300):
        corners = sorted(dice.uniform(0, 2 * math.pi) for _ in range(dice.randint(3, 12)))
        star = [
            (math.sin(angle) * (reach := dice.uniform(0.2, 1)), math.cos(angle) * reach) for angle in corners
        ]
        ring = [*star, star[0]]
        if len({round(lat, 6) for lat, _ in ring}) > 2 and not crosses_itself(ring):
            assert in_ring(inner_point([ring]), ring), ring
    assert in_ring(inner_point([ELL]), ELL)
    assert in_polygon(inner_point([SQUARE, HOLE]), [SQUARE, HOLE])


def test_a_ring_that_cuts_itself_is_seen() -> None:
    bow = ((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0))
    assert crosses_itself(bow) and not crosses_itself(SQUARE) and not crosses_itself(ELL)


def test_a_circle_reaches_as_far_as_its_radius() -> None:
    # 0.1 degrees of latitude are 11.1 km, and of longitude at 37.5 degrees 8.8 km
    assert in_circle([SQUARE], (38.1, 138.5), 11.5) and not in_circle([SQUARE], (38.1, 138.5), 10.5)
    assert in_circle([SQUARE], (37.5, 139.1), 9.2) and not in_circle([SQUARE], (37.5, 139.1), 8.5)
    assert in_circle([SQUARE], (37.5, 138.5), 0.001), "a point within"
    assert not in_circle([SQUARE, HOLE], (37.5, 138.5), 1.0), "the middle of a hole"
