"""What a search has opened serves the next one, and never longer than the database says the same."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd import directory, personal_data, rotation
from alertd.db import reading, writing
from alertd.opened import Opened
from alertd.site import Site
from alertd.tables import ContactRow, RecipientRow
from tests import factories


@pytest.fixture
def site(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Nine people, in blocks of four numbers."""
    monkeypatch.setattr(directory, "_AT_ONCE", 4)
    made = factories.make_site(tmp_path, database_url, {}, {})
    factories.add_people(made, [f"p{number}@example.jp" for number in range(9)], kind="email")
    yield made
    made.close()


def _found(site: Site, words: str, opened: Opened, **where: int) -> list[str]:
    with reading(site.engine) as session:
        return [one.name for one in directory.search(session, words, opened, **where)]


def _change(site: Site, number: int, **values: object) -> None:
    with writing(site.engine) as session:
        row = session.get_one(RecipientRow, number)
        for name, value in values.items():
            setattr(row, name, value)


def _memory(opened: Opened) -> str:
    return " ".join(kept.texts for kept in opened._kept.values())


def test_a_second_search_opens_nothing_but_what_was_changed(site: Site) -> None:
    opened = Opened()
    assert _found(site, "三条 8", opened) == ["三条 8"]
    before = dict(opened._kept)
    assert _found(site, "三条 7", opened) == ["三条 7"]
    assert opened._kept == before and all(opened._kept[key] is kept for key, kept in before.items())
    _change(site, 2, name="燕")
    assert _found(site, "三条 7", opened) == ["三条 7"]
    anew = {key[1] for key, kept in opened._kept.items() if kept is not before[key]}
    assert anew == {0}, "only the block that was changed"


@pytest.mark.parametrize(
    ("column", "said"),
    [("name", "弥彦"), ("kana", "ヤヒコ"), ("association", "弥彦"), ("external_id", "Y-1")],
)
def test_a_change_is_found_at_once_and_what_it_replaced_no_more(site: Site, column: str, said: str) -> None:
    opened = Opened()
    assert _found(site, said, opened) == []
    _change(site, 5, **{column: said})
    assert len(_found(site, said, opened)) == 1
    _change(site, 5, **{column: "別"})
    assert _found(site, said, opened) == []


def test_whoever_is_erased_is_out_of_memory_with_the_next_search(site: Site) -> None:
    opened = Opened()
    _change(site, 9, name="鶴亀松太郎")
    assert _found(site, "鶴亀", opened) == ["鶴亀松太郎"] and "鶴亀" in _memory(opened)
    personal_data.erase(site, "p8@example.jp", by="tests")
    assert _found(site, "三条", opened, limit=1) == ["三条 0"], "a search that ends before that block"
    assert "鶴亀" not in _memory(opened) and _found(site, "鶴亀", opened) == []


def test_part_of_an_address_is_found_again_without_opening_one_and_a_new_one_at_once(site: Site) -> None:
    opened = Opened()
    assert _found(site, "p7@ex", opened) == ["三条 7"]
    before = dict(opened._kept)
    assert _found(site, "p6@ex", opened) == ["三条 6"]
    assert all(opened._kept[key] is kept for key, kept in before.items())
    with writing(site.engine) as session:
        session.scalars(select(ContactRow).where(ContactRow.recipient_id == 2)).one().address = "q@example.jp"
    assert _found(site, "q@ex", opened) == ["三条 1"]
    assert "p1@example.jp" not in _memory(opened)


def test_an_address_that_was_erased_is_out_of_memory_with_the_next_search_for_a_name(site: Site) -> None:
    opened = Opened()
    assert _found(site, "p8@ex", opened) == ["三条 8"] and "p8@example.jp" in _memory(opened)
    with writing(site.engine) as session:
        session.scalars(select(ContactRow).where(ContactRow.recipient_id == 9)).one().active = False
    assert _found(site, "三条", opened, limit=1) == ["三条 0"]
    assert "p8@example.jp" not in _memory(opened)
    assert _found(site, "p8@ex", opened) == []


def test_a_new_key_ends_what_was_opened_with_the_old_one(site: Site) -> None:
    opened = Opened()
    assert len(_found(site, "三条", opened)) == 9
    before = {key: kept.mark for key, kept in opened._kept.items()}
    rotation.rotate(site, by="tests")
    assert len(_found(site, "三条", opened)) == 9
    assert all(opened._kept[key].mark != mark for key, mark in before.items())


def test_what_does_not_fit_is_found_all_the_same(site: Site) -> None:
    opened = Opened(most=20)
    for _ in range(2):
        assert len(_found(site, "三条", opened)) == 9
        assert len(_memory(opened).replace(" ", "")) <= 20
    _change(site, 1, name="三条\0零")
    assert len(_found(site, "三条", Opened())) == 9, "a name with the mark between two names"


def test_searches_and_changes_at_once_find_what_is_there(site: Site) -> None:
    opened = Opened()

    def one(turn: int) -> list[str]:
        if turn % 4 == 0:
            _change(site, 3, kana=f"カナ{turn}")
        return _found(site, "三条", opened)

    with ThreadPoolExecutor(4) as threads:
        assert {len(found) for found in threads.map(one, range(24))} == {9}
