"""The map of what is in force: GeoJSON with one feature for each area and hazard.

Source: RFC 7946. An area without an outline has no geometry, which the RFC allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from alertd.city import JST, City
from alertd.geometry import Polygon
from alertd.hazard import NAMES
from alertd.orders import Order


def feature_collection(
    orders: Iterable[Order], known: Mapping[str, Sequence[Polygon]], city: City
) -> dict[str, object]:
    """The orders as a FeatureCollection, gravest first; `known` are the outlines by area."""
    return {
        "type": "FeatureCollection",
        "name": f"{city.name} 発令中 / in force",
        "features": [_feature(order, known.get(order.area, ()), city) for order in orders],
    }


def _feature(order: Order, polygons: Sequence[Polygon], city: City) -> dict[str, object]:
    geometry = {
        "type": "MultiPolygon",
        "coordinates": [[[[lon, lat] for lat, lon in ring] for ring in polygon] for polygon in polygons],
    }
    name, name_en = NAMES[order.hazard] if order.hazard is not None else (None, None)
    return {
        "type": "Feature",
        "geometry": geometry if polygons else None,
        "properties": {
            "municipality": city.code,
            "area": order.area,
            "area_name": order.area_name,
            "hazard": order.hazard,
            "hazard_name": name,
            "hazard_name_en": name_en,
            "level": order.level,
            "event": order.event,
            "headline": order.headline,
            "since": order.since.astimezone(JST).isoformat(timespec="seconds"),
            "until": order.until.astimezone(JST).isoformat(timespec="seconds") if order.until else None,
            "cap": order.reference.identifier,
        },
    }
