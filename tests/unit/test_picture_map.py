"""A map to look at: areas as paths on a plane."""

from __future__ import annotations

import json
import math
import re

from alertd.demo.city import outlines
from alertd.geometry import overlap
from alertd.outline import polygons_of
from alertd.picture_map import WIDTH, picture_map
from alertd.zones import zones

SOUTH = [[(37.0, 138.0), (37.0, 139.0), (37.5, 139.0), (37.5, 138.0), (37.0, 138.0)]]
NORTH = [[(37.5, 138.0), (37.5, 139.0), (38.0, 139.0), (38.0, 138.0), (37.5, 138.0)]]


def _numbers(path: str) -> list[float]:
    return [float(found) for found in re.findall(r"[\d.]+", path)]


def test_north_is_at_the_top_and_nothing_lies_outside():
    picture = picture_map({"S": [SOUTH], "N": [NORTH]})
    assert picture is not None
    south, north = picture.shapes
    assert north.y < south.y
    for shape in picture.shapes:
        numbers = _numbers(shape.path)
        assert min(numbers[::2]) >= 0 and max(numbers[::2]) <= picture.width <= WIDTH + 1
        assert min(numbers[1::2]) >= 0 and max(numbers[1::2]) <= picture.height


def test_a_degree_of_longitude_is_shorter_than_one_of_latitude():
    picture = picture_map({"S": [SOUTH], "N": [NORTH]})
    assert picture is not None
    shape = (picture.width - 12) / (picture.height - 12)
    assert abs(shape - math.cos(math.radians(37.5))) < 0.01


def test_fine_outlines_make_a_small_map():
    ring = [(37.5 + 0.2 * math.sin(turn / 1000), 138.5 + 0.2 * math.cos(turn / 1000)) for turn in range(6284)]
    picture = picture_map({"A": [[[*ring, ring[0]]]]})
    assert picture is not None and len(picture.shapes[0].path) < 20_000


def test_without_an_outline_there_is_no_map():
    assert picture_map({}) is None
    assert picture_map({"A": []}) is None


def test_the_demo_city_is_drawn_whole_and_no_zone_lies_on_another():
    found = {
        feature["properties"]["code"]: polygons_of(feature["geometry"])[0]
        for feature in json.loads(outlines())["features"]
    }
    assert set(found) == {zone.code for zone in zones()}
    codes = sorted(found)
    for place, one in enumerate(codes):
        for other in codes[place + 1 :]:
            assert not overlap(found[one], found[other][0]), (one, other)
