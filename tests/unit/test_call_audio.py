"""Calls may be fetched as MP3 where the telephone carries more than a line does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from alertd.speech import CALL_AUDIO, CALL_MP3_AUDIO
from channels.voice import VoiceChannel
from channels.voice_settings import VoiceSettings
from operator_console.sounds import sound


def settings(**changes: object) -> VoiceSettings:
    facts = {"kind": "voice", "account_sid": f"AC{0:032}", "auth_token": "t", "caller_id": "+81256000000"}
    return VoiceSettings.model_validate(facts | changes)


def test_a_line_is_the_default_and_mp3_a_choice():
    assert VoiceChannel("phone", settings()).traits.audio is CALL_AUDIO
    assert VoiceChannel("phone", settings(audio="mp3")).traits.audio is CALL_MP3_AUDIO
    with pytest.raises(ValidationError, match="ulaw"):
        settings(audio="ogg")


@pytest.mark.parametrize(("suffix", "kind"), [(".wav", "audio/wav"), (".mp3", "audio/mpeg")])
def test_a_kept_sound_is_served_as_what_it_is(tmp_path: Path, suffix: str, kind: str):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / f"{'a' * 64}{suffix}").write_bytes(b"sound")
    site = SimpleNamespace(config=SimpleNamespace(storage=tmp_path))
    assert sound(site, "a" * 64, cache="no-store").media_type == kind  # type: ignore[arg-type]
    assert sound(site, "b" * 64, cache="no-store").status_code == 404  # type: ignore[arg-type]
