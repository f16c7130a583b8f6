"""A map to look at: the outlines of areas as paths on a plane, small enough for a page.

Every path is drawn from the stored GeoJSON; corners nearer to each other than a
pixel are left out, so that a map stays small however fine its outlines are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alertd.geometry import Point, Polygon, inner_point

#: the width of a map, in its own units; about pixels
WIDTH = 600.0
#: corners nearer than this are one corner
_FINE = 1.0
_MARGIN = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One area on the map."""

    code: str
    #: the `d` of an SVG path; its holes are holes with `fill-rule="evenodd"`
    path: str
    #: where its name goes
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMap:
    """Areas on a plane, north at the top."""

    width: float
    height: float
    shapes: Sequence[Shape]


def picture_map(outlines: Mapping[str, Sequence[Polygon]]) -> PictureMap | None:
    """The map of these areas; None when none of them has an outline."""
    corners = [point for polygons in outlines.values() for one in polygons for ring in one for point in ring]
    if not corners:
        return None
    south, north = min(lat for lat, _ in corners), max(lat for lat, _ in corners)
    west, east = min(lon for _, lon in corners), max(lon for _, lon in corners)
    shrink = math.cos(math.radians((south + north) / 2))
    scale = (WIDTH - 2 * _MARGIN) / max((east - west) * shrink, (north - south) / 2, 1e-9)

    def place(point: Point) -> tuple[float, float]:
        return (
            round(_MARGIN + (point[1] - west) * shrink * scale, 1),
            round(_MARGIN + (north - point[0]) * scale, 1),
        )

    shapes = []
    for code, polygons in outlines.items():
        if not polygons:
            continue
        x, y = place(inner_point(max(polygons, key=lambda one: len(one[0]))))
        path = "".join(_path([place(point) for point in ring]) for polygon in polygons for ring in polygon)
        shapes.append(Shape(code=code, path=path, x=x, y=y))
    width, height = place((south, east))
    return PictureMap(width=width + _MARGIN, height=height + _MARGIN, shapes=shapes)


def _path(ring: Sequence[tuple[float, float]]) -> str:
    kept: list[tuple[float, float]] = []
    for point in ring:
        if not kept or math.dist(kept[-1], point) >= _FINE:
            kept.append(point)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in kept) + "Z"
