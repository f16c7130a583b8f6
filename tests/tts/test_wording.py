"""Wording and readings: every phrase is read as people read it, and nothing is lost in silence."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.speech import Reading
from tts import wording
from tts.dictionary import Dictionary
from tts.kana import lengthened, morae, same_sound
from tts.unread import unread

PHRASES = list(
    csv.DictReader(Path(__file__).with_name("phrases.csv").read_text(encoding="utf-8").splitlines())
)


@pytest.fixture(scope="module")
def read(openjtalk, tmp_path_factory):
    openjtalk.learn(Dictionary(Path("missing")).readings(), tmp_path_factory.mktemp("dictionaries"))

    def reading(text, **more):
        sentences = wording.sentences(text, "ja", read=openjtalk.reading, **more)
        return "".join(openjtalk.reading(sentence) for sentence in sentences)

    return reading


def test_the_list_is_long_enough_to_mean_something():
    assert len(PHRASES) >= 150


def test_every_phrase_is_read_right_and_whole(read):
    wrong = [
        (phrase["written"], found)
        for phrase in PHRASES
        if not same_sound(found := read(phrase["written"]), phrase["kana"]) or unread(found, "ja")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("written", "lost"),
    [
        ("☃注意", "☃"),
        ("A⌘B", "⌘"),
        ("𠮟責☂", "☂"),
        ("4-5日", "−"),
        ("〒と㍿と㌔", ""),
        ("気温↑", "↑"),
        ("Привет、避難", "Привет"),
        ("대피 避難", "대피"),
        ("①②③", ""),
        ("注意♪", "♪"),
        ("😀避難", "😀"),
    ],
)
def test_what_cannot_be_spoken_is_told(read, written, lost):
    assert unread(read(written), "ja") == lost


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789:/-.～〜年月日時分 mkhP℃#()（）\n、。", min_size=1, max_size=24))
def test_no_digit_is_ever_dropped(text):
    spoken = "".join(wording.sentences(text, "ja"))
    digits = {"0": "0ゼ前後", "1": "1イ", "2": "2ニ", "3": "3サ", "4": "4ヨ", "5": "5ゴ"}
    if any(digit in text for digit in "6789"):
        assert any(sign in spoken for sign in "0123456789ゼイニサヨゴロナハキ")
    for digit in digits:
        # an hour may become another number (15:20 → 午後3時20分); something is said in its place
        if digit in text:
            assert spoken


def test_a_bracket_that_is_no_reading_stays(read):
    assert read("避難所（まで）です") == "ヒナンジョ、マデ、デス"


def test_ruby_wins_over_the_dictionary_and_agreeing_kanji_stay(openjtalk):
    found = wording.sentences("大島（おおしま）へ 行（い）って ください。", "ja-easy", read=openjtalk.reading)
    assert found == ["オーシマへ 行って ください。"]
    assert wording.sentences("今（いま）すぐ", "ja-easy") == ["イマすぐ"]


def test_a_typed_reading_leaves_what_is_right_and_is_not_said_twice(openjtalk):
    typed = {"三条市": "さんじょうし", "嵐南": "あらしみなみ"}
    found = wording.sentences("三条市の嵐南と嵐南（らんなん）です。", "ja", typed, openjtalk.reading)
    assert [openjtalk.reading(sentence) for sentence in found] == [
        "サンジョーシノアラシミナミトランナンデス。"
    ]
    assert found[0].startswith("三条市")


def test_the_longest_typed_reading_wins():
    typed = {"下田": "しただ", "下田市": "しもだし"}
    assert wording.sentences("下田市と下田", "ja", typed) == ["シモダシとシタダ"]


def test_long_sentences_are_cut_at_commas_and_nothing_is_lost():
    long = "五十嵐川が増水しているため、" * 20 + "避難してください。"
    pieces = wording.sentences(long, "ja")
    assert "".join(pieces) == long
    assert max(map(len, pieces)) <= wording.LONGEST_SENTENCE


@pytest.mark.parametrize(("text", "language"), [("訓練" * 300, "ja"), ("evacuate now " * 60, "en")])
def test_a_text_without_any_comma_is_cut_too(text, language):
    pieces = wording.sentences(text, language)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert max(map(len, pieces)) <= wording.LONGEST_SENTENCE
    assert all(language == "ja" or piece.split()[0] in ("evacuate", "now") for piece in pieces)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("At 15:20 on 2026-07-13", "At 3:20 p.m. on July 13, 2026"),
        ("Call 0256-34-5511.", "Call zero two five six, three four, five five one one."),
        ("Dial 171 or #7119", "Dial one seven one or number seven one one nine"),
        ("Rain of 80 mm/h, wind 25m/s", "Rain of 80 millimeters per hour, wind 25 meters per second"),
        ("M7.3, -5°C, 90%", "magnitude 7.3, minus 5 degrees Celsius, 90 percent"),
        ("Level 3: Evacuation of the Elderly, Etc.", "Level 3: Evacuation of the Elderly, et cetera"),
        ("10:00～12:00", "10 a.m. to 12 p.m."),
        ("Shelters (see map) & schools", "Shelters, see map, and schools"),
        ("See https://example.jp/a?b=1", "See the city website"),
        ("at 9:05 PM", "at 9:05 p.m."),
    ],
)
def test_english_is_written_out(written, spoken):
    assert " ".join(wording.sentences(written, "en")) == spoken


def test_other_languages_tell_what_they_cannot_speak():
    assert unread("Sơ tán ngay ☃", "vi") == "☃"
    assert unread("请避难", "vi") == "请避难"
    assert unread("请避难。", "zh-Hans") == ""
    assert unread("지금 대피하세요!", "ko") == ""


def test_long_vowels_and_morae():
    assert lengthened("ニッコウチョウ") == "ニッコーチョー"
    assert lengthened("イノウエ") == "イノウエ"
    assert morae("シュツボツ") == 4
    assert same_sound("サンジョーシ", "さんじょうし")
    assert not same_sound("シモダ", "シタダ")


def test_a_reading_is_what_the_engine_then_says(openjtalk, tmp_path):
    openjtalk.learn([Reading(surface="嵐南", kana="アラレ")], tmp_path)
    assert openjtalk.reading("嵐南地区") == "アラレチク"
    openjtalk.learn(Dictionary(Path("missing")).readings(), tmp_path)
    assert openjtalk.reading("嵐南地区") == "ランナンチク"
