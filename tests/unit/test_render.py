"""What people read and hear: complete, marked in drills, and never marked in earnest."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alertd import cap
from alertd.alert import Alert, Area, Info, Status
from alertd.channel import Medium
from alertd.city import City
from alertd.errors import WrongAlert
from alertd.marks import gate, has_marks
from alertd.mora import LONGEST_CALL, morae, seconds
from alertd.render import PACES, best_language, languages, render
from alertd.speech import Chime, Dtmf, Pause, Say, Signals
from alertd.template import Template, fill, template, templates
from alertd.words import Words, said

NOW = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)
CITY = City()
CORPUS = Path(__file__).parents[2].parent / "shared" / "data" / "cap" / "valid"
DRILLS = (Status.EXERCISE, Status.TEST)


def alert(of: Template | str = "flood-4", status: Status = Status.EXERCISE) -> Alert:
    chosen = template(of) if isinstance(of, str) else of
    values = {blank.name: blank.example for blank in chosen.blanks if blank.name != "area"}
    values |= {f"{b.name}@{lang}": "Text" for b in chosen.blanks if b.whole for lang in ("ja-easy", "en")}
    return fill(
        chosen,
        values,
        city=CITY,
        status=status,
        identifier="sanjo.1",
        sent=NOW,
        expires=NOW + timedelta(hours=6),
        areas=[Area(description="嵐南地区")],
    )


@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize("of", templates().values(), ids=lambda of: of.id)
def test_every_template_can_be_rendered_for_every_medium(of: Template, medium: Medium) -> None:
    for status in (Status.ACTUAL, *DRILLS):
        filled = alert(of, status)
        for language in languages(filled):
            words = render(filled, language, medium, CITY)
            assert words.headline and words.text
            assert (words.script is None) == (medium is Medium.TEXT)
            assert (words.short_text is None) == (medium is not Medium.CALL)
            assert "（" not in (words.text if words.script else "")


@pytest.mark.parametrize("status", DRILLS)
@pytest.mark.parametrize("language", ["ja", "ja-easy", "en"])
def test_a_written_drill_says_so_first_and_last(language: str, status: Status) -> None:
    words = render(alert(status=status), language, Medium.TEXT, CITY)
    word = "訓練" if status is Status.EXERCISE else "試験"
    assert words.headline.startswith(f"【{word}】") and words.text.startswith(f"【{word}】")
    assert has_marks(words.text.splitlines()[0]) and has_marks(words.text.splitlines()[-1])


@pytest.mark.parametrize("medium", [Medium.CALL, Medium.OUTDOOR, Medium.BROADCAST])
@pytest.mark.parametrize("language", ["ja", "ja-easy", "en"])
def test_a_spoken_drill_says_so_first_last_and_before_each_repetition(language: str, medium: Medium) -> None:
    words = render(alert(), language, medium, CITY)
    assert words.script is not None
    sentences = said(words.script)
    assert has_marks(sentences[0]) and has_marks(sentences[-1])
    bodies = [text for text in sentences if "2階" in text or "upstairs" in text or "高いところ" in text]
    assert len(bodies) == 2 and all(has_marks(text[:20]) for text in bodies)


def test_a_short_message_for_a_machine_is_marked_and_says_where_to_call_back() -> None:
    words = render(alert(), "ja", Medium.CALL, CITY)
    assert words.short_text is not None
    assert has_marks(words.short_text[:12]) and has_marks(words.short_text[-12:])
    assert "0256、00、0100" in words.short_text
    assert seconds(words.short_text, CITY.readings, rate=5.0, gap=0.5) <= 30 + 10


@pytest.mark.parametrize("medium", Medium)
def test_a_real_alert_has_no_mark(medium: Medium) -> None:
    words = render(alert(status=Status.ACTUAL), "ja", medium, CITY)
    assert not has_marks(words.headline + words.text + (words.short_text or ""))


@pytest.mark.parametrize(
    "text",
    [
        "これは訓練です。",
        "これは、訓練です",
        "これは 訓練（くんれん）です",
        "【訓練】避難指示",
        "This is a DRILL.",
        "[test] x",
    ],
)
def test_a_real_alert_with_a_mark_is_stopped(text: str) -> None:
    filled = alert(status=Status.ACTUAL)
    info = dataclasses.replace(filled.infos[0], description=text)
    with pytest.raises(WrongAlert, match="text"):
        render(dataclasses.replace(filled, infos=(info,)), "ja", Medium.TEXT, CITY)


@pytest.mark.parametrize("field", ["headline", "text", "short_text"])
def test_a_drill_that_lost_a_mark_is_stopped(field: str) -> None:
    words = render(alert(), "ja", Medium.CALL, CITY)
    changes: dict[str, Any] = {field: "避難指示を発令しました。"}
    bare = dataclasses.replace(words, **changes)
    with pytest.raises(WrongAlert, match=field):
        gate(bare, Status.EXERCISE, "ja")


def test_a_drill_whose_sound_lost_its_last_mark_is_stopped() -> None:
    words = render(alert(), "ja", Medium.OUTDOOR, CITY)
    assert words.script is not None
    parts = [part for part in words.script.parts if not (isinstance(part, Say) and "終わります" in part.text)]
    cut = dataclasses.replace(words, script=dataclasses.replace(words.script, parts=tuple(parts)))
    with pytest.raises(WrongAlert, match="script"):
        gate(cut, Status.EXERCISE, "ja")


def test_a_mark_in_the_middle_is_not_enough() -> None:
    with pytest.raises(WrongAlert):
        gate(Words("【訓練】x", "避難指示。これは訓練です。避難してください。"), Status.EXERCISE, "ja")


def test_a_test_is_not_marked_as_a_drill() -> None:
    words = render(alert(status=Status.EXERCISE), "ja", Medium.TEXT, CITY)
    with pytest.raises(WrongAlert):
        gate(words, Status.TEST, "ja")


def test_a_call_begins_with_silence_and_says_everything_twice() -> None:
    script = render(alert(status=Status.ACTUAL), "ja", Medium.CALL, CITY).script
    assert script is not None and script.parts[0] == Pause(1.0)
    sentences = said(script)
    assert sentences[0] == "三条市から、緊急の、お知らせです。"
    assert sentences[1] == sentences[3] and sentences[2] == "くり返します。"
    assert script.readings["五十嵐川"] == "いからしがわ"


def test_loudspeakers_say_the_order_twice_before_they_name_themselves() -> None:
    script = render(alert(status=Status.ACTUAL), "ja", Medium.OUTDOOR, CITY).script
    assert script is not None
    assert script.parts[0] is Chime.UP and script.parts[-1] is Chime.DOWN
    sentences = said(script)
    assert sentences[0] == sentences[1] == "緊急放送、緊急放送、警戒レベル4、避難指示。"
    assert sentences[2] == sentences[-1] == "こちらは、防災三条です。"
    assert all(part.rate == 4.5 and part.gap == 2.0 for part in script.parts if isinstance(part, Say))


def test_signals_frame_a_broadcast_only_when_they_are_asked_for() -> None:
    plain = render(alert(), "ja", Medium.BROADCAST, CITY).script
    signals = Signals(start=Dtmf("*12"), end=Dtmf("#"))
    framed = render(alert(), "ja", Medium.BROADCAST, CITY, signals=signals).script
    assert plain is not None and not any(isinstance(part, Dtmf) for part in plain.parts)
    assert framed is not None and framed.parts[0] == Dtmf("*12") and Dtmf("#") in framed.parts[-2:]


def test_every_call_ends_within_three_minutes() -> None:
    rate, gap = PACES[Medium.CALL]
    for of in templates().values():
        filled = alert(of)
        for language in languages(filled):
            text = render(filled, language, Medium.CALL, CITY).text
            assert seconds(text, CITY.readings, rate=rate, gap=gap) < LONGEST_CALL


def test_japanese_is_the_default_language() -> None:
    filled = alert()
    turned = dataclasses.replace(filled, infos=filled.infos[::-1])
    assert languages(turned) == ("ja", "en", "ja-easy")
    assert best_language(turned, "en") == "en" and best_language(turned, "vi") == "ja"


def test_plain_japanese_is_also_known_by_its_parameter() -> None:
    text = cap.write(alert()).decode().replace("ja-x-easy", "ja-JP")
    text = text.replace(
        "<parameter>\n      <valueName>alertd:call</valueName>\n      <value>五十嵐川の水が",
        "<parameter><valueName>easyJapanese</valueName><value>true</value></parameter>"
        "<parameter>\n      <valueName>alertd:call</valueName>\n      <value>五十嵐川の水が",
    )
    assert languages(cap.parse(text.encode())) == ("ja", "ja-easy", "en")


def test_a_language_that_the_alert_has_not_is_refused() -> None:
    with pytest.raises(WrongAlert, match="ja, ja-easy, en"):
        render(alert(), "vi", Medium.TEXT, CITY)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the CAP corpus is not at {CORPUS}")
@pytest.mark.parametrize("medium", Medium)
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*")), ids=lambda path: path.name)
def test_a_document_from_outside_can_be_said_in_every_medium(path: Path, medium: Medium) -> None:
    read = dataclasses.replace(cap.parse(path.read_bytes()), status=Status.EXERCISE)
    for language in languages(read):
        words = render(read, language, medium, CITY)
        assert words.text
        if words.script:
            text = " ".join(said(words.script))
            assert seconds(text, {}, rate=5.0, gap=0.5) < 240, text


def test_two_infos_of_one_language_are_both_said() -> None:
    filled = alert()
    info: Info = filled.infos[0]
    other = dataclasses.replace(info, description="もう一つの地区のお知らせです。", parameters=())
    both = dataclasses.replace(filled, infos=(info, other))
    assert "もう一つの地区" in render(both, "ja", Medium.TEXT, CITY).text
    assert "五十嵐川" in render(both, "ja", Medium.TEXT, CITY).text


def test_morae_are_counted_by_the_known_reading() -> None:
    assert morae("五十嵐川", CITY.readings) == 6
    assert morae("きょうは、", {}) == 3
