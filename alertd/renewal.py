"""Renewals: Updates that keep an order alive for readers of CAP, who take `expires` for its end.

An order holds until it is lifted, and its document runs out after hours. So an hour before,
the same words are published anew, for those areas in which they still hold; nobody is told
again. Renewals are derived and never stored: whoever asks finds the same ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.alert import Alert, Area, Info, MsgType, Reference, ResponseType
from alertd.orders import Spell, codes, spells

#: how long before a document runs out it is renewed, at most
LEAD = timedelta(hours=1)
_NUMBERED, _END = ".r", ".end"
_OURS = re.compile(rf".+(?:{re.escape(_NUMBERED)}[0-9]+|{re.escape(_END)})")


def is_renewal(identifier: str) -> bool:
    """Whether a document of this name would be one of these."""
    return _OURS.fullmatch(identifier) is not None


def renewals(alerts: Sequence[Alert], areas: Mapping[str, str], now: datetime) -> tuple[Alert, ...]:
    """Every renewal until now of the orders in these documents, oldest first; `areas` are names by code.

    Only of what is real and has a level. What was renewed and has ended is closed by a
    Cancel of its last renewal: what ended it speaks of the order alone.
    """
    of: dict[Reference, list[Spell]] = defaultdict(list)
    for spell in spells(alerts, areas):
        if spell.order.level is not None:
            of[spell.order.reference].append(spell)
    found = [
        renewal
        for alert in alerts
        if alert.reference in of
        for renewal in _of_one(alert, of[alert.reference], areas, now)
    ]
    return tuple(sorted(found, key=lambda renewal: (renewal.sent, renewal.identifier)))


def _of_one(alert: Alert, held: Sequence[Spell], areas: Mapping[str, str], now: datetime) -> Iterator[Alert]:
    """The renewals of one document, and the one that closes them."""
    if alert.expires is None or alert.expires <= alert.sent:
        return
    life = alert.expires - alert.sent
    every = life - min(LEAD, life / 2)
    ends = [spell.ended_at for spell in held if spell.ended_at is not None]
    end = max(ends) if len(ends) == len(held) else None
    last = alert
    number = 1
    while (sent := alert.sent + number * every) <= now and (end is None or sent < end):
        holding = {spell.order.area for spell in held if spell.ended_at is None or spell.ended_at > sent}
        last = replace(
            alert,
            identifier=f"{alert.identifier}{_NUMBERED}{number}",
            sent=sent,
            msg_type=MsgType.UPDATE,
            references=tuple(dict.fromkeys((alert.reference, last.reference))),
            infos=tuple(_renewed(alert.infos, holding, areas, sent, life)),
        )
        yield last
        number += 1
    if last is not alert and end is not None and end <= now:
        yield replace(
            last,
            identifier=f"{alert.identifier}{_END}",
            sent=end,
            msg_type=MsgType.CANCEL,
            references=(last.reference,),
            infos=tuple(replace(info, expires=None) for info in last.infos),
            note="No longer in force: replaced or lifted.",
        )


def _renewed(
    infos: Iterable[Info], holding: set[str], areas: Mapping[str, str], sent: datetime, life: timedelta
) -> Iterator[Info]:
    """What still holds, in the areas in which it does."""
    for info in infos:
        if ResponseType.ALL_CLEAR in info.response_types:
            continue
        left = tuple(area for area in info.areas if _holds(area, holding, areas))
        if left:
            yield replace(info, areas=left, effective=sent, onset=None, expires=sent + life)


def _holds(area: Area, holding: set[str], areas: Mapping[str, str]) -> bool:
    return bool(holding & set(codes([area], areas)))
