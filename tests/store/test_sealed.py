"""Personal data: whoever has the database without the keys learns nothing from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import alembic.command
import alembic.config
import pytest
from sqlalchemy import Engine, inspect, select, text

from alertd import directory, personal_data, register, rotation, subscribe
from alertd.category import EVERYTHING
from alertd.db import open_database, reading, upgrade, writing
from alertd.errors import WrongSecret
from alertd.key_ring import KeyRing
from alertd.opened import Opened
from alertd.recipient import Contact, Recipient
from alertd.sealed import keys_of
from alertd.site import Site
from alertd.subscription import Choice
from alertd.tables import ContactRow, RecipientRow
from tests import factories

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
#: what stands nowhere in a copy of the database
CANARIES = (
    "鶴亀松太郎",
    "ツルカメマツタロウ",
    "canary-7319",
    "+81256987319",
    "本町七丁目31-9",
    "娘の鶴亀竹子",
)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Site]:
    made = factories.make_site(tmp_path, database_url, {}, {})
    person = Recipient(
        name=CANARIES[0],
        kana=CANARIES[1],
        area="RNN",
        contacts=(
            Contact(kind="email", address=f"{CANARIES[2]}@example.jp"),
            Contact(kind="voice", address=CANARIES[3], holder=CANARIES[5]),
        ),
        association="本町自治会",
        street=CANARIES[4],
        external_id="7319",
    )
    register.register(made, [person], by="tests")
    yield made
    made.close()


def everything(engine: Engine) -> str:
    """Every value of every table, as whoever has a copy reads it."""
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return "\n".join(
            str(tuple(row))
            for table in tables
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )


def test_a_copy_of_the_database_names_nobody(site: Site, tmp_path: Path):
    choice = Choice(language="ja", areas=("RNN",), categories=EVERYTHING)
    subscribe.register(site, f"{CANARIES[2]}+news@example.jp", choice, by="tests")
    found = everything(site.engine)
    assert "本町自治会" in found, "the copy has the row"
    assert [canary for canary in CANARIES if canary in found] == []
    if site.engine.dialect.name == "sqlite":
        site.engine.dispose()
        raw = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert "本町自治会".encode() in raw
        assert [canary for canary in CANARIES if canary.encode() in raw] == []


def test_what_is_sealed_is_found_by_whole_address_and_by_part_of_name_reading_and_number(site: Site):
    opened = Opened()
    with reading(site.engine) as session:
        assert register.owner_of(session, "voice", CANARIES[3])
        for words in (
            "鶴亀",
            "つるかめ",
            "ﾏﾂﾀﾛｳ",
            "松太郎 本町自治会",
            "0256-98-7319",
            "9873",
            "7319@EXAMPLE",
            "7319",
        ):
            assert [one.name for one in directory.search(session, words, opened)] == [CANARIES[0]], words
        for words in ("亀鶴", "ツルカメX", "鶴亀 別の自治会", "99999"):
            assert directory.search(session, words, opened) == [], words
        assert directory.search(session, "鶴亀", opened, after=10**6) == []


def test_a_search_goes_on_after_the_page_and_beyond_what_is_read_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(directory, "_AT_ONCE", 3)
    factories.add_people(site, [f"p{number}@example.jp" for number in range(10)])
    with reading(site.engine) as session:
        first = directory.search(session, "三条", Opened(), limit=4)
        rest = directory.search(session, "三条", Opened(), after=first[-1].recipient_id, limit=100)
        assert [one.name for one in (*first, *rest)] == [f"三条 {number}" for number in range(10)]


def test_a_changed_address_is_found_by_the_new_one(site: Site):
    with writing(site.engine) as session:
        row = session.scalars(select(ContactRow).where(ContactRow.address_key == CANARIES[3])).one()
        row.address = "+81256000000"
    with reading(site.engine) as session:
        rows = select(ContactRow.address).where(ContactRow.address_key == "+81256000000")
        assert session.scalars(rows).one() == "+81256000000"


def test_a_comparison_that_could_never_be_true_is_an_error():
    for compare in (
        lambda: ContactRow.address == "a@example.jp",
        lambda: RecipientRow.name.like("%三条%"),
        lambda: RecipientRow.kana.in_(["ア"]),
    ):
        with pytest.raises(TypeError, match="fingerprint"):
            compare()


def test_other_keys_read_nothing_and_say_what_to_put_back(site: Site, tmp_path: Path):
    secret = site.config.storage / "secret"
    right = secret.read_bytes()
    secret.unlink()
    other = Site.open(site.config)
    with pytest.raises(WrongSecret, match="put back the"):
        rotation.check_keys(other)
    other.close()
    secret.write_bytes(right)
    rotation.check_keys(site)


def test_a_database_opened_without_its_keys_writes_nothing_readable(site: Site):
    engine = open_database(site.config.database_url)
    with pytest.raises(Exception, match="without its storage folder"), writing(engine) as session:
        session.add(ContactRow(recipient_id=1, kind="email", address="a@example.jp"))
    engine.dispose()


def test_a_value_that_was_moved_or_altered_is_refused(tmp_path: Path):
    ring = KeyRing(tmp_path)
    sealed = ring.seal(b"contact.holder", "娘")
    assert ring.unseal(b"contact.holder", sealed) == "娘"
    assert ring.seal(b"contact.holder", "娘") != sealed
    for purpose, value in (
        (b"recipient.name", sealed),
        (b"contact.holder", sealed[:-5] + ("A" if sealed[-5] != "A" else "B") + sealed[-4:]),
        (b"contact.holder", "s1." + sealed[3:]),
        (b"contact.holder", "s0."),
        (b"contact.holder", "娘"),
    ):
        with pytest.raises(WrongSecret):
            ring.unseal(purpose, value)


def test_a_new_key_seals_everything_anew_and_a_lost_one_is_named(site: Site):
    before = everything(site.engine)
    assert "'s0." in before
    running = Site.open(site.config)  # has read its keys already
    rotation.check_keys(running)
    assert rotation.rotate(site, by="tests") >= 3
    assert "'s0." not in everything(site.engine) and "'s1." in everything(site.engine)
    rotation.check_keys(running)
    assert personal_data.about(running, f"{CANARIES[2]}@example.jp")["contacts"][0]["name"] == CANARIES[0]
    (key,) = keys_of(site.engine.dialect).folder.iterdir()
    assert key.stat().st_mode & 0o077 == 0
    key.unlink()
    other = Site.open(site.config)
    with pytest.raises(WrongSecret, match="encrypted with key 1, which is not here"):
        rotation.check_keys(other)
    other.close()
    running.close()


def test_an_older_database_is_encrypted_as_it_stands(tmp_path: Path, empty_database_url: str):
    engine = open_database(empty_database_url, tmp_path)
    older = alembic.config.Config()
    older.set_main_option("script_location", "alertd:migrations")
    older.attributes["engine"] = engine
    alembic.command.upgrade(older, "0012")
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO area (code, name, name_kana, name_en, households, position)"
            " VALUES ('RNN', '嵐南', '', '', 1, 1)",
            "INSERT INTO recipient (id, name, kana, kind, area, association, street, language, needs_support,"
            f" active, created_at) VALUES (1, '{CANARIES[0]}', '', 'person', 'RNN', '本町自治会',"
            f" '{CANARIES[4]}', 'ja', false, true, :now)",
            "INSERT INTO contact (id, recipient_id, kind, address, holder, preference, active)"
            f" VALUES (1, 1, 'voice', '{CANARIES[3]}', '{CANARIES[5]}', 1, true)",
        ):
            now = NOW if engine.dialect.name == "postgresql" else 1795410000000000
            connection.execute(text(statement), {"now": now} if ":now" in statement else {})
    upgrade(engine)
    with reading(engine) as session:
        row = session.scalars(select(ContactRow).where(ContactRow.address_key == CANARIES[3])).one()
        assert (row.address, row.holder) == (CANARIES[3], CANARIES[5])
        person = session.get_one(RecipientRow, 1)
        assert (person.name, person.kana, person.street) == (CANARIES[0], "", CANARIES[4])
    assert [canary for canary in CANARIES if canary in everything(engine)] == []
    engine.dispose()
    if engine.dialect.name == "sqlite":
        raw = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert [canary for canary in CANARIES if canary.encode() in raw] == []
