"""The outline of an area: read from GeoJSON, and asked what a document from outside covers.

Source: RFC 7946. GeoJSON writes longitude first; everything here has latitude first.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from alertd.alert import Area
from alertd.errors import Problem, WrongInput
from alertd.geometry import Polygon, in_circle, overlap
from alertd.tables import AreaRow, OutlineRow

#: of a GeoJSON file, in bytes
LARGEST_FILE = 20 * 1024 * 1024
#: corners of one area
MOST_POINTS = 20_000
#: property names under which files keep the code and the name of an area
_CODES = ("code", "zone", "id", "ID", "KEY_CODE")
_NAMES = ("name", "名称", "地区", "S_NAME")


def read(document: bytes, areas: Iterable[AreaRow]) -> Mapping[str, dict[str, Any]]:
    """The geometry of each area that a GeoJSON FeatureCollection has, by the area's code.

    A feature belongs to the area whose code or name stands in its properties. Raises
    WrongInput, naming each feature that fits none or is no outline.
    """
    features = _features(document)
    known = {_key(row.code): row.code for row in areas}
    known |= {_key(row.name): row.code for row in areas}
    found: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    for number, feature in enumerate(features, start=1):
        properties = feature.get("properties") or {}
        named = [str(properties[key]) for key in (*_CODES, *_NAMES) if properties.get(key) not in (None, "")]
        code = next((known[_key(name)] for name in named if _key(name) in known), None)
        if code is None:
            said = " / ".join(named) or "nothing"
            problems.append(
                Problem(
                    f"feature {number}",
                    f"it names {said}, and there is no such area; give the property “code” or “name”",
                    f"「{said}」という地区はありません。属性 code か name を確かめてください。",
                )
            )
            continue
        try:
            polygons = polygons_of(feature.get("geometry") or {})
        except ValueError as error:
            problems.append(Problem(f"feature {number}", f"it is no outline: {error}"))
            continue
        found[code] = {"type": "MultiPolygon", "coordinates": _written(polygons)}
    if problems:
        raise WrongInput(problems)
    return found


def keep(session: Session, document: bytes) -> int:
    """Stores the outlines of a GeoJSON file; tells how many. Raises WrongInput as `read` does."""
    found = read(document, session.scalars(select(AreaRow)).all())
    for code, geometry in found.items():
        session.merge(OutlineRow(code=code, geometry=geometry))
    return len(found)


def polygons_of(geometry: Mapping[str, Any]) -> list[Polygon]:
    """The polygons of a GeoJSON geometry. Raises ValueError, saying what is wrong."""
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError("only Polygon and MultiPolygon are")
    try:
        return [
            [_ring(ring) for ring in polygon]
            for polygon in ([coordinates] if kind == "Polygon" else coordinates)
        ]
    except (TypeError, IndexError) as error:
        raise ValueError("the coordinates are not nested as RFC 7946 has them") from error


def outlines(session: Session) -> Mapping[str, list[Polygon]]:
    """The polygons of every area that has an outline, by code."""
    return {row.code: polygons_of(row.geometry) for row in session.scalars(select(OutlineRow))}


def covered(known: Mapping[str, Sequence[Polygon]], area: Area) -> tuple[str, ...]:
    """The codes of our areas that have ground in common with an area of a document."""
    return tuple(
        code
        for code, polygons in known.items()
        if any(overlap(polygon, ring) for polygon in polygons for ring in area.polygons)
        or any(in_circle(polygon, (lat, lon), km) for polygon in polygons for lat, lon, km in area.circles)
    )


def _features(document: bytes) -> list[dict[str, Any]]:
    if len(document) > LARGEST_FILE:
        raise WrongInput(Problem("file", f"it is larger than {LARGEST_FILE:,} bytes; simplify the outlines"))
    try:
        found = json.loads(document.decode("utf-8-sig"))
        features = found["features"]
        assert isinstance(features, list) and all(isinstance(feature, dict) for feature in features)
    except (ValueError, TypeError, KeyError, AssertionError, RecursionError) as error:
        raise WrongInput(
            Problem(
                "file",
                "it is no GeoJSON FeatureCollection in UTF-8",
                "GeoJSON（FeatureCollection、UTF-8）として読めません。",
            )
        ) from error
    return features


def _ring(ring: Any) -> list[tuple[float, float]]:
    if not isinstance(ring, list) or not 4 <= len(ring) <= MOST_POINTS:
        raise ValueError(f"a ring has 4 to {MOST_POINTS:,} points")
    points = [(float(point[1]), float(point[0])) for point in ring]
    if not all(-90 <= latitude <= 90 and -180 <= longitude <= 180 for latitude, longitude in points):
        raise ValueError("a point is not longitude, latitude in degrees")
    return points if points[0] == points[-1] else [*points, points[0]]


def _written(polygons: Iterable[Polygon]) -> list[list[list[list[float]]]]:
    return [[[[lon, lat] for lat, lon in ring] for ring in polygon] for polygon in polygons]


def _key(word: str) -> str:
    return unicodedata.normalize("NFKC", word).strip().lower().removesuffix("地区")
