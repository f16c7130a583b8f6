"""The demo city: invented people in real zones, whom nobody can reach by accident.

Telephone numbers are 0256-00-xxxx, which no exchange has; addresses end in example.jp.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files

from alertd.recipient import Contact, Recipient, RecipientKind
from alertd.zones import Zone, zones

#: shown wherever the demo is shown: real places are named
WATERMARK = "デモデータ — 実在の発令ではありません"
#: in front of every number of the demo's lists
PREFIX = "demo-"
#: the last four digits of the demo's telephone numbers
NUMBERS = 9999
#: stations that answer for themselves in each zone
STATIONS = 15
#: what is wrong with a few of them
TROUBLES = {
    "RNN-007": "dead",
    "RHK-003": "dead",
    "IGR-011": "low-battery",
    "RNN-014": "one-way",
    "RHK-009": "fault",
}

_FAMILIES = (
    ("三条", "サンジョウ"), ("燕", "ツバメ"), ("五十嵐", "イカラシ"), ("渡辺", "ワタナベ"),
    ("小林", "コバヤシ"), ("佐藤", "サトウ"), ("高橋", "タカハシ"), ("長谷川", "ハセガワ"),
    ("田中", "タナカ"), ("坂井", "サカイ"), ("外山", "トヤマ"), ("野崎", "ノザキ"),
    ("石月", "イシヅキ"), ("熊倉", "クマクラ"), ("目黒", "メグロ"), ("大竹", "オオタケ"),
)  # fmt: skip
_GIVEN = (
    ("太郎", "タロウ"), ("花子", "ハナコ"), ("一郎", "イチロウ"), ("良子", "ヨシコ"),
    ("健", "ケン"), ("幸子", "サチコ"), ("実", "ミノル"), ("和子", "カズコ"),
    ("誠", "マコト"), ("美咲", "ミサキ"), ("清", "キヨシ"), ("文", "フミ"),
    ("茂", "シゲル"), ("トミ", "トミ"), ("翔", "ショウ"), ("さくら", "サクラ"),
)  # fmt: skip


def people(number: int, seed: int = 15204) -> tuple[Recipient, ...]:
    """So many people; the same seed gives the same ones.

    About 70 of 100 have a mail address and 40 a telephone; a few have two numbers, need
    support, read English or plain Japanese, or pass alerts on to their neighbours.
    """
    dice = random.Random(seed)
    lines = iter(range(1, NUMBERS + 1))
    weights = [zone.households for zone in zones()]
    return tuple(
        _person(dice, place, dice.choices(zones(), weights)[0], lines) for place in range(1, number + 1)
    )


def on_air(queue: str, port: int) -> tuple[Recipient, ...]:
    """One station, and a group of loudspeakers in each zone, all simulated."""
    station = Recipient(
        external_id=f"{PREFIX}station",
        name="コミュニティFM（模擬）",
        kind=RecipientKind.STATION,
        area=zones()[0].code,
        contacts=(Contact(kind="fm", address=queue),),
    )
    loudspeakers = (
        Recipient(
            external_id=f"{PREFIX}speakers-{zone.code}",
            name=f"{zone.name}屋外拡声子局（模擬）",
            kind=RecipientKind.LOUDSPEAKER,
            area=zone.code,
            contacts=(Contact(kind="radio", address=address),),
        )
        for zone, address in zip(zones(), groups(port), strict=True)
    )
    return (station, *loudspeakers)


def stations() -> tuple[Recipient, ...]:
    """The stations that answer back, so many in each zone, all simulated."""
    return tuple(
        Recipient(
            external_id=f"{PREFIX}{zone.code}-{number:03}",
            name=f"{zone.name}第{number}子局（模擬）",
            kind=RecipientKind.LOUDSPEAKER,
            area=zone.code,
            contacts=(Contact(kind="gateway", address=f"{zone.code}-{number:03}"),),
        )
        for zone in zones()
        for number in range(1, STATIONS + 1)
    )


def cars() -> tuple[Recipient, ...]:
    """The city's cars with a loudspeaker on the roof."""
    return tuple(
        Recipient(
            external_id=f"{PREFIX}car-{number}",
            name=f"広報車{number}号（模擬）",
            kind=RecipientKind.ORGANISATION,
            area=zone.code,
            contacts=(Contact(kind="desk", address=f"{zone.name}を一巡（その{number}）"),),
        )
        for number, zone in enumerate(zones()[:3], start=1)
    )


def outlines() -> bytes:
    """Outlines of the zones as GeoJSON: a sketch drawn by hand, and not where the real ones lie."""
    return files("alertd.demo").joinpath("outlines.json").read_bytes()


def groups(port: int) -> tuple[str, ...]:
    """The multicast group of each zone's loudspeakers (RFC 2365: the organisation's own)."""
    return tuple(f"239.192.0.{number}:{port}" for number in range(1, len(zones()) + 1))


def _person(dice: random.Random, place: int, zone: Zone, lines: Iterator[int]) -> Recipient:
    family, given = dice.choice(_FAMILIES), dice.choice(_GIVEN)
    draw = dice.random()
    mail, phone = draw < 0.72, draw > 0.57
    contacts = []
    support = False
    if phone and (line := next(lines, None)) is not None:
        contacts.append(Contact(kind="voice", address=_line(line)))
        support = dice.random() < (0.05 if mail else 0.2)
        if dice.random() < 0.1 and (second := next(lines, None)) is not None:
            contacts.append(Contact(kind="voice", address=_line(second), preference=2))
    if mail or not contacts:
        preference = len(contacts) + 1
        contacts.append(Contact(kind="email", address=f"demo{place:06}@example.jp", preference=preference))
    speaks = dice.random()
    passes_on = dice.random()
    return Recipient(
        external_id=f"{PREFIX}{place:06}",
        name=f"{family[0]}　{given[0]}",
        kana=f"{family[1]}　{given[1]}",
        kind=RecipientKind.PERSON if mail else RecipientKind.HOUSEHOLD,
        area=zone.code,
        language=_language(speaks) if not phone else "ja",
        groups=("自治会長",) if passes_on < 0.02 else ("民生委員",) if passes_on < 0.04 else (),
        needs_support=support,
        contacts=tuple(contacts),
    )


def _language(draw: float) -> str:
    return "en" if draw < 0.05 else "ja-easy" if draw < 0.1 else "ja"


def _line(number: int) -> str:
    """0256-00-xxxx in E.164; 0100 is the city's own."""
    return f"+8125600{number if number != 100 else 0:04}"
