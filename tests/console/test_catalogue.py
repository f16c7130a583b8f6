"""Every sentence of the console is there in Japanese."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from operator_console.catalogue import LANGUAGES, translate
from operator_console.labels import CATEGORIES

CONSOLE = Path(__file__).resolve().parents[2] / "operator_console"


def _sentences() -> set[str]:
    found = extract_from_dir(
        CONSOLE,
        [("**.html", "jinja2"), ("**.py", "python")],
        {"**.html": {"silent": "false"}},
        keywords={"_": None, "mark": None, "say": None},
    )
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def test_every_sentence_has_its_japanese_and_none_is_left_over():
    document = (CONSOLE / "locale" / "ja" / "LC_MESSAGES" / "console.po").read_bytes()
    catalogue = read_po(BytesIO(document), locale="ja")
    there = {str(message.id): str(message.string) for message in catalogue if message.id}
    assert set(there) == _sentences()
    assert not [message for message, text in there.items() if not text]


def test_every_sentence_of_the_public_pages_is_there_in_plain_japanese():
    document = (CONSOLE / "locale" / "ja-easy" / "LC_MESSAGES" / "console.po").read_bytes()
    catalogue = read_po(BytesIO(document), locale="ja")
    there = {str(message.id): str(message.string) for message in catalogue if message.id}
    found = extract_from_dir(
        CONSOLE,
        [("templates/public/**.html", "jinja2"), ("registration.py", "python")],
        keywords={"_": None, "mark": None},
    )
    public = {str(message) for _, _, message, _, _ in found} | set(CATEGORIES.values())
    assert set(there) == public
    assert not [message for message, text in there.items() if not text]
    unread = {text for text in there.values() if re.search(r"[一-鿿々]+(?![一-鿿々（])", text)}
    assert unread == set(), "every kanji has its reading behind it"


def test_what_is_filled_in_is_the_same_in_both_languages():
    for sentence in _sentences():
        holes = set(re.findall(r"%\((\w+)\)s", sentence))
        assert holes == set(re.findall(r"%\((\w+)\)s", translate("ja", sentence))), sentence


def test_the_languages_call_themselves_by_their_own_names():
    assert LANGUAGES == {"ja": "日本語", "en": "English"}
