"""The outline map on a page: areas as shapes that carry their name, with the level that each of them has."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from alertd.alert import Alert
from alertd.db import reading
from alertd.hazard import LEVEL_PARAMETER
from alertd.outline import outlines
from alertd.picture_map import PictureMap, Shape, picture_map
from alertd.store.places import areas_of
from operator_console.visit import Visit

log = logging.getLogger(__name__)
#: the colours that a map has; other levels are drawn without one
_LEVELS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedArea:
    """One area on the map: its shape, what it is called, whether it is meant."""

    shape: Shape
    name: str
    meant: bool
    #: 1 to 5; None = no level
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaMap:
    """The map with every area that has an outline, and what it shows in words."""

    picture: PictureMap
    areas: Sequence[MappedArea]
    #: of every area that stands out; None = each has its own, or none
    level: int | None

    @property
    def meant(self) -> Sequence[str]:
        """Names of the areas that stand out."""
        return [area.name for area in self.areas if area.meant]


def area_map(
    visit: Visit,
    meant: Iterable[str],
    level: int | None = None,
    levels: Mapping[str, int] | None = None,
) -> AreaMap | None:
    """The map with these areas standing out, by code or name; None when no area has an outline.

    `level` is that of all of them, `levels` those of single areas by code. A page is
    shown without it when the database does not answer.
    """
    try:
        with reading(visit.site.engine) as session:
            picture = picture_map(outlines(session))
            rows = areas_of(session, [shape.code for shape in picture.shapes]) if picture is not None else {}
    except SQLAlchemyError as error:
        log.warning("the map cannot be shown: %s", error.__class__.__name__)
        return None
    if picture is None:
        return None
    wanted, own = set(meant), levels or {}
    shown = []
    for shape in picture.shapes:
        row = rows[shape.code]
        stands_out = bool(wanted & {row.code, row.name}) or row.code in own
        told = own.get(row.code, level) if stands_out else None
        shown.append(
            MappedArea(
                shape=shape,
                name=row.name if visit.language == "ja" else row.name_en or row.name,
                meant=stands_out,
                level=told if told in _LEVELS else None,
            )
        )
    return AreaMap(picture=picture, areas=shown, level=level if level in _LEVELS else None)


def level_of(alert: Alert) -> int | None:
    """The level of an alert; None = it has none."""
    told = alert.infos[0].parameter(LEVEL_PARAMETER) if alert.infos else None
    return int(told) if told is not None and told.isdigit() else None
