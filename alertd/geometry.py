"""Geometry of the ground: points, rings and circles in degrees, good enough for the size of a city.

Points are (latitude, longitude) in WGS 84. A ring is closed: its last point is its
first. Nothing here crosses the 180th meridian or comes near a pole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Ring = Sequence[Point]
#: an outer ring, and the holes in it
Polygon = Sequence[Ring]

#: kilometres in a degree of latitude
_KM = 111.195


def in_ring(point: Point, ring: Ring) -> bool:
    """Whether the point lies inside: a ray to the east crosses the ring an odd number of times."""
    latitude, longitude = point
    inside = False
    for (lat1, lon1), (lat2, lon2) in pairwise(ring):
        if (lat1 > latitude) != (lat2 > latitude):
            at = lon1 + (latitude - lat1) * (lon2 - lon1) / (lat2 - lat1)
            inside ^= longitude < at
    return inside


def in_polygon(point: Point, polygon: Polygon) -> bool:
    """Whether the point lies in the outer ring and in none of the holes."""
    return bool(polygon) and in_ring(point, polygon[0]) and not any(in_ring(point, h) for h in polygon[1:])


def overlap(polygon: Polygon, ring: Ring) -> bool:
    """Whether the polygon and what the ring encloses have ground in common; touching does not count."""
    outer = polygon[0] if polygon else ()
    if not outer or not _boxes_meet(outer, ring):
        return False
    if any(_cross(a, b, c, d) for a, b in _sides(outer) for c, d in _sides(ring)):
        return True
    return in_polygon(inner_point([ring]), polygon) or in_ring(inner_point(polygon), ring)


def in_circle(polygon: Polygon, centre: Point, kilometres: float) -> bool:
    """Whether the polygon has ground within so many kilometres of the centre."""
    if in_polygon(centre, polygon):
        return True
    return any(_distance(centre, a, b) < kilometres for ring in polygon for a, b in _sides(ring))


def crosses_itself(ring: Ring) -> bool:
    """Whether two sides of the ring that are not neighbours cut each other."""
    sides = list(_sides(ring))
    last = len(sides) - 1
    return any(
        _cross(*sides[first], *sides[second])
        for first in range(len(sides))
        for second in range(first + 2, len(sides))
        if not (first == 0 and second == last)
    )


def inner_point(polygon: Polygon) -> Point:
    """A point that lies in the polygon and in none of its holes."""
    heights = sorted({lat for ring in polygon for lat, _ in ring})
    # between two corners, so that the line meets none
    middle = len(heights) // 2
    latitude = (heights[middle - 1] + heights[middle]) / 2 if middle else heights[0]
    crossings = sorted(
        lon1 + (latitude - lat1) * (lon2 - lon1) / (lat2 - lat1)
        for ring in polygon
        for (lat1, lon1), (lat2, lon2) in _sides(ring)
        if (lat1 > latitude) != (lat2 > latitude)
    )
    return (latitude, (crossings[0] + crossings[1]) / 2) if len(crossings) > 1 else polygon[0][0]


def _sides(ring: Ring) -> list[tuple[Point, Point]]:
    return list(pairwise(ring))


def _boxes_meet(one: Ring, other: Ring) -> bool:
    return all(
        min(point[axis] for point in one) <= max(point[axis] for point in other)
        and min(point[axis] for point in other) <= max(point[axis] for point in one)
        for axis in (0, 1)
    )


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the two lines cut each other between their ends."""
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _distance(point: Point, a: Point, b: Point) -> float:
    """Kilometres from the point to the line between a and b, on a plane that touches the ground there."""
    wide = _KM * math.cos(math.radians(point[0]))
    ax, ay = (a[1] - point[1]) * wide, (a[0] - point[0]) * _KM
    bx, by = (b[1] - point[1]) * wide, (b[0] - point[0]) * _KM
    dx, dy = bx - ax, by - ay
    length = dx * dx + dy * dy
    at = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
    return math.hypot(ax + at * dx, ay + at * dy)
