"""Lists name stations, groups of a control desk, tasks for people and the press, and give them back."""

from __future__ import annotations

from alertd.audience import Audience
from alertd.db import reading
from alertd.people import Line, count
from alertd.recipient import Recipient, RecipientKind
from alertd.recipient_list import read, write
from tests import factories

AREAS = {"RNN": "嵐南", "RHK": "嵐北"}
LIST = """氏名,種類,地区,子局番号,遠隔制御,担当,報道メール
本町二丁目子局,屋外拡声子局,嵐南,RNN-012,,,
旧型卓 嵐北グループ,屋外拡声子局,嵐北,,07,,
広報車1号,団体,嵐南,,,嵐南を一巡,
三条新聞（模擬）,報道機関,嵐北,,,,desk@press.example.jp
"""


def known(recipients: tuple[Recipient, ...]) -> list[tuple[str, RecipientKind, str, str]]:
    return [
        (one.name, one.kind, contact.kind, contact.address) for one in recipients for contact in one.contacts
    ]


def test_each_way_has_its_column_and_survives_export() -> None:
    found = read(LIST.encode(), areas=AREAS)
    assert found.problems == ()
    assert known(found.recipients) == [
        ("本町二丁目子局", RecipientKind.LOUDSPEAKER, "gateway", "RNN-012"),
        ("旧型卓 嵐北グループ", RecipientKind.LOUDSPEAKER, "radio_phone", "07"),
        ("広報車1号", RecipientKind.ORGANISATION, "desk", "嵐南を一巡"),
        ("三条新聞（模擬）", RecipientKind.PRESS, "press", "desk@press.example.jp"),
    ]
    again = read(write(found.recipients), areas=AREAS)
    assert known(again.recipients) == known(found.recipients)


def test_an_address_of_the_press_is_checked_as_one() -> None:
    (problem,) = read(LIST.replace("desk@press", "desk press").encode(), areas=AREAS).problems
    assert (problem.line, problem.column) == (5, "報道メール")


def test_stations_are_those_of_the_area_and_the_press_is_always_told(tmp_path) -> None:
    site = factories.make_site(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", {}, {})
    try:
        factories.add_people(site, ["RNN-001"], kind="gateway", area="RNN", who=RecipientKind.LOUDSPEAKER)
        factories.add_people(site, ["RHK-001"], kind="gateway", area="RHK", who=RecipientKind.LOUDSPEAKER)
        factories.add_people(
            site, ["desk@press.example.jp"], kind="press", area="RHK", who=RecipientKind.PRESS
        )
        lines = [Line("stations", "gateway"), Line("papers", "press")]
        with reading(site.engine) as session:
            assert count(session, Audience(areas=("RNN",)), lines) == {"stations": 1, "papers": 1}
    finally:
        site.close()
