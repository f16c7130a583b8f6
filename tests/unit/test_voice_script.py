"""The TwiML of a call."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import pytest

from alertd.alert import MsgType, Status
from alertd.channel import Answer
from alertd.demo.telephone_twiml import parse
from alertd.errors import ChannelMisconfigured, WrongConfiguration
from alertd.settings import read_settings
from channels.call_script import CallScript, pieces
from channels.call_words import words
from channels.voice import VoiceChannel
from channels.voice_settings import VoiceSettings
from tests.answering_desk import MESSAGE

URL = "https://alert.example.jp/callbacks/phone?key=k1&attempt=2"
HOSTILE = "</Say><Dial>110</Dial><Say>&amp;<!--\"'\x00\x0b]]>"


def script(message=MESSAGE, menu="understood", url=URL):
    return CallScript(message=message, url=url, menu=menu, voices={})


def said(document):
    return "".join(element.text or "" for element in ElementTree.fromstring(document).iter("Say"))


def table(tmp_path, **changes):
    secret = tmp_path / "token"
    secret.write_text("t")
    return {
        "kind": "voice",
        "account_sid": "AC" + "0" * 32,
        "auth_token_file": str(secret),
        "caller_id": "+81256000110",
        **changes,
    }


def test_a_text_cannot_become_a_verb():
    hostile = replace(MESSAGE, text=HOSTILE, short_text=HOSTILE, audio_url=None)
    for document in (script(hostile).answered(), script(hostile).left_on_machine()):
        root = ElementTree.fromstring(document)
        assert {element.tag for element in root.iter()} <= {
            "Response",
            "Gather",
            "Pause",
            "Say",
            "Redirect",
            "Hangup",
        }
        assert "</Say><Dial>110</Dial>" in said(document)


def test_a_url_with_an_ampersand_comes_back_whole():
    gather = ElementTree.fromstring(script().answered()).find("Gather")
    assert gather is not None
    query = parse_qs(urlsplit(gather.get("action", "")).query)
    assert (query["key"], query["attempt"], query["step"]) == (["k1"], ["2"], ["key"])


def test_every_document_is_understood_by_the_simulated_network():
    for message in (MESSAGE, replace(MESSAGE, audio_url="https://alert.example.jp/audio/a.wav")):
        for menu in ("understood", "status"):
            one = script(message, menu)
            for document in (
                one.answered(),
                one.answered(spoken=True),
                one.asked(),
                one.asked(wrong=1),
                *(one.pressed(key, 1, wrong=0, during_sound=False) for key in "0123#"),
                one.ended(),
                one.left_on_machine(),
            ):
                assert parse(document)


@pytest.mark.parametrize(
    "text", ["避難してください。" * 300, "あ" * 1200, "😀" * 700, "Go. " * 500, "a" * 3000]
)
def test_one_say_is_never_too_long_and_no_word_is_lost(text):
    parts = list(pieces(text))
    assert all(len(part) <= 500 and len(quote(part)) <= 4500 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_is_cut_after_a_sentence():
    assert all(part.endswith("。") for part in pieces("五十嵐川が増水しています。" * 200))


def test_a_drill_promises_no_help_and_names_itself():
    for language in ("ja", "ja-easy", "en"):
        drill, actual = words(language, exercise=True), words(language, exercise=False)
        assert "119" not in drill.thanks[Answer.HELP].replace(" ", "")
        assert "119" in actual.thanks[Answer.HELP].replace(" ", "")
        assert "訓練" in drill.closing or "drill" in drill.closing
        assert "訓練" not in actual.closing
        assert "drill" not in actual.closing


def test_machines_see_in_the_url_that_a_call_is_a_drill_or_a_cancel():
    def query(**changes):
        return parse_qs(urlsplit(script(replace(MESSAGE, **changes)).link("answer")).query)

    assert query()["status"] == ["Exercise"]
    assert query(status=Status.ACTUAL)["status"] == ["Actual"]
    assert query(kind=MsgType.CANCEL)["kind"] == ["Cancel"]


def test_a_region_finds_its_language():
    assert words("en-US", exercise=False).tag == "en-US"
    assert words("ja-JP", exercise=False).tag == "ja-JP"


def test_a_preview_shows_words_and_documents_without_any_network(tmp_path):
    channel = VoiceChannel("phone", read_settings(VoiceSettings, table(tmp_path), "channels.phone"))
    parts = {part.label: part.content for part in channel.preview(MESSAGE)}
    assert MESSAGE.text in parts["call"]
    assert "押してください" in parts["call"]
    assert parts["answering machine"] == MESSAGE.short_text
    assert parts["TwiML: answer"].startswith("<?xml")
    with pytest.raises(ChannelMisconfigured, match='"vi"'):
        channel.preview(replace(MESSAGE, language="vi"))


@pytest.mark.parametrize(
    ("changes", "said_of"),
    [
        ({"api_url": "http://127.0.0.1:1", "edge": "tokyo"}, "edge"),
        ({"account_sid": "nobody"}, "account_sid"),
        ({"caller_id": "0256-34-5511"}, "caller_id"),
        ({"answer_menu": "songs"}, "answer_menu"),
        ({"auth_token": "in the open"}, "auth_token_file"),
        ({"ring_second": 3}, "ring_seconds"),
    ],
)
def test_a_wrong_section_says_which_key(tmp_path, changes, said_of):
    with pytest.raises(WrongConfiguration, match=said_of):
        read_settings(VoiceSettings, table(tmp_path, **changes), "channels.phone")


def test_twilio_itself_is_reached_by_its_edge(tmp_path):
    section = table(tmp_path, edge="tokyo", region="jp1")
    channel = VoiceChannel("phone", read_settings(VoiceSettings, section, "channels.phone"))
    client = channel._open().account.client
    uri = client.api.v2010.absolute_url("Accounts")
    assert client.get_hostname(uri) == "https://api.tokyo.jp1.twilio.com/2010-04-01/Accounts"
    channel.close()
