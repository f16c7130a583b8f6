"""The table of JMA's warnings that are in force in our areas, beside the city's own orders.

What it holds is 相当情報: information that corresponds to a level, never an order.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from alertd.alert import Status
from alertd.jma import Telegram
from alertd.jma.warning import Warned, in_force, ours
from alertd.tables import NoticeRow

#: the row that keeps when a title last spoke of an area, also when nothing is in force
_MARK = "-"


def note(session: Session, telegram: Telegram, areas: Sequence[str]) -> bool:
    """Brings the table up to the telegram; says whether it did.

    A telegram tells all that holds of its title in an area, so it takes the place of
    what the same title told before. Drills, tests and late comers change nothing.
    """
    items = ours(telegram, areas)
    if telegram.status is not Status.ACTUAL or not items:
        return False
    area = items[0].area
    title = telegram.title[:60]
    mark = session.get(NoticeRow, (area, f"{title}/{_MARK}"))
    if mark is not None and mark.reported_at > telegram.reported_at:
        return False
    before = delete(NoticeRow).where(
        NoticeRow.area == area, NoticeRow.kind.startswith(f"{title}/", autoescape=True)
    )
    changed = bool(session.execute(before).rowcount)  # type: ignore[attr-defined]
    holding = () if telegram.info_type == "取消" else in_force(items)
    rows = {
        kind: _row(telegram, one, kind)
        for one in holding
        for kind in [f"{title}/{one.kind.code or one.kind.name}"[:64]]
    }
    session.add_all(rows.values())
    session.add(
        NoticeRow(
            area=area,
            kind=f"{title}/{_MARK}",
            area_name=items[0].area_name,
            name="",
            level=None,
            title=telegram.title[:100],
            reported_at=telegram.reported_at,
        )
    )
    return changed or bool(holding)


def notices(session: Session) -> Sequence[NoticeRow]:
    """The warnings that are in force, gravest first."""
    rows = session.scalars(select(NoticeRow).where(NoticeRow.name != "")).all()
    return sorted(rows, key=lambda row: (-(row.level or 0), row.kind))


def _row(telegram: Telegram, one: Warned, kind: str) -> NoticeRow:
    return NoticeRow(
        area=one.area,
        kind=kind,
        area_name=one.area_name[:100],
        name=one.kind.name[:100],
        level=one.level,
        title=telegram.title[:100],
        reported_at=telegram.reported_at,
    )
