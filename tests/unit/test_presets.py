"""`[presets]`: areas that are alerted together, by the name of a button."""

from __future__ import annotations

from pathlib import Path

import pytest

from alertd import config
from alertd.errors import WrongConfiguration


def test_presets_are_read_in_their_order():
    found = config.read({"presets": {"第2陣": ["RHK"], "第1陣": ["RHK", "RNN"]}}, folder=Path())
    assert list(found.presets.items()) == [("第2陣", ("RHK",)), ("第1陣", ("RHK", "RNN"))]


@pytest.mark.parametrize("codes", ["RHK", [], [1]])
def test_what_is_no_list_of_codes_is_named_with_the_remedy(codes: object):
    with pytest.raises(WrongConfiguration, match=r"presets\.第1陣: write a list of area codes"):
        config.read({"presets": {"第1陣": codes}}, folder=Path())


def test_the_built_in_presets_name_areas_that_there_are():
    from alertd.zones import zones

    there = {zone.code for zone in zones()}
    for name, codes in config.load(None).presets.items():
        assert set(codes) <= there, name
