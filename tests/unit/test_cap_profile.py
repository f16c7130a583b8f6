"""Our own CAP: every shipped template valid against the schema, and nothing for a strict reader to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from lxml import etree

from alertd import cap
from alertd.alert import Alert, Area, MsgType, NamedValue, Reference, ResponseType, Scope, Status
from alertd.cap import out as cap_out
from alertd.cap.profile import faults
from alertd.city import City
from alertd.correction import all_clear, cancellation
from alertd.marks import has_marks
from alertd.template import Template, fill, templates

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
CITY = City()
HOUSE = ((37.60, 138.90), (37.60, 138.99), (37.69, 138.99), (37.60, 138.90))
#: values that a person would type, where the example is Japanese and the language is not
IN_ENGLISH = {
    "place": "Shitada",
    "direction": "Morimachi",
    "intensity": "5 Lower",
    "person": "a man in his eighties",
    "looks": "160 cm tall, navy blue jacket",
    "until": "around 6 p.m.",
    "reason": "a broken water pipe",
    "subject": "Special counter at City Hall",
    "words": "A special counter will be open tomorrow.",
    "drill_day": "June 20, 9 a.m.",
    "drill_name": "Flood drill",
}


def filled(used: Template, status: Status = Status.ACTUAL, references: tuple[Reference, ...] = ()) -> Alert:
    values = {
        blank.name: blank.example
        for blank in used.blanks
        if blank.name not in ("area", "phone", "web", "time")
    }
    values |= {f"{name}@en": text for name, text in IN_ENGLISH.items() if name in values}
    return fill(
        used,
        values,
        city=CITY,
        status=status,
        identifier="152048.20261123T152000.00000001",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=(
            Area(description="嵐南地区", polygons=(HOUSE,), geocodes=(NamedValue("alertd:area", "RNN"),)),
        ),
        references=references,
    )


def schema_says(document: bytes) -> list[str]:
    source = resources.files("alertd").joinpath("schema/cap-1.2.xsd").read_bytes()
    schema = etree.XMLSchema(etree.fromstring(source))
    schema.validate(etree.fromstring(document))
    return [str(error) for error in schema.error_log]


@pytest.mark.parametrize("status", [Status.ACTUAL, Status.EXERCISE])
@pytest.mark.parametrize("name", sorted(templates()))
def test_every_template_is_valid_and_a_strict_reader_has_nothing_to_say(name: str, status: Status) -> None:
    alert = filled(templates()[name], status)
    public = cap_out.published(alert)
    for document in (cap.write(alert), cap.write(public)):
        assert schema_says(document) == []
        assert b"+09:00</sent>" in document and cap.parse(document).identifier == alert.identifier
    assert faults(public, CITY) == ()
    assert {info.language for info in alert.infos} >= {"ja-JP"}
    level = templates()[name].level
    assert alert.infos[0].parameter("alertLevel") == (str(level) if level else None)


@pytest.mark.parametrize("name", sorted(templates()))
def test_its_cancel_and_its_all_clear_are_as_clean(name: str) -> None:
    alert = filled(templates()[name])
    sent, expires = NOW + timedelta(minutes=5), NOW + timedelta(hours=8)
    cancelled = cancellation(alert, identifier="152048.2.cancel", sent=sent, expires=expires, city=CITY)
    ended = all_clear(alert, identifier="152048.2.clear", sent=sent, expires=expires, city=CITY)
    for follow_up, kind in ((cancelled, MsgType.CANCEL), (ended, MsgType.UPDATE)):
        assert follow_up.msg_type is kind and follow_up.references == (alert.reference,)
        assert schema_says(cap.write(follow_up)) == []
        assert faults(follow_up, CITY) == ()
    assert all(info.response_types == (ResponseType.ALL_CLEAR,) for info in ended.infos)


def test_a_drill_says_so_in_public_and_a_real_alert_is_left_byte_for_byte() -> None:
    real = cap.write(filled(templates()["flood-4"]))
    assert cap_out.document(real) == real
    drill = cap.parse(cap_out.document(cap.write(filled(templates()["flood-4"], Status.EXERCISE))))
    for info in drill.infos:
        for text in (info.event, info.headline, info.description, info.instruction):
            assert text and has_marks(text)


def _wrong(**changes: object) -> Alert:
    return replace(filled(templates()["flood-4"]), **changes)  # type: ignore[arg-type]


def _wrong_info(**changes: object) -> Alert:
    alert = filled(templates()["flood-4"])
    infos = (replace(alert.infos[0], **changes), *alert.infos[1:])  # type: ignore[arg-type]
    return replace(alert, infos=infos)


def _same_words() -> Alert:
    alert = filled(templates()["flood-4"])
    english = replace(alert.infos[-1], headline=alert.infos[0].headline)
    return replace(alert, infos=(*alert.infos[:-1], english))


@pytest.mark.parametrize(
    ("alert", "field"),
    [
        (_wrong(sender="somebody@example.jp"), "sender"),
        (_wrong(msg_type=MsgType.UPDATE), "references"),
        (_wrong(references=(filled(templates()["bear"]).reference,)), "references"),
        (_wrong(scope=Scope.RESTRICTED), "restriction"),
        (_wrong(status=Status.EXERCISE), "note"),
        (_wrong(infos=()), "info"),
        (_wrong_info(language="en-US"), "language"),
        (_wrong_info(headline="x" * 161), "headline"),
        (_wrong_info(description="<b>bold</b>"), "description"),
        (_wrong_info(instruction=" "), "instruction"),
        (_wrong_info(web="sanjo.example.jp"), "web"),
        (_wrong_info(expires=NOW), "expires"),
        (_wrong_info(areas=()), "area"),
        (_wrong_info(areas=(Area(description="x"),)), "geocode"),
        (
            _wrong_info(areas=(Area(description="x", polygons=(((0, 0), (1, 1), (0, 1), (1, 0), (0, 0)),)),)),
            "polygon",
        ),
        (_same_words(), "headline"),
    ],
)
def test_the_strict_reader_sees_what_is_wrong(alert: Alert, field: str) -> None:
    assert any(field in problem.field for problem in faults(alert, CITY))


def test_there_is_one_info_for_each_language() -> None:
    alert = filled(templates()["flood-4"])
    assert [info.language for info in alert.infos] == ["ja-JP", "ja-x-easy", "en-US"]
