"""Voices and a synthesizer that are opened once: loading the engines costs seconds."""

import pytest

from alertd.errors import VoiceUnavailable
from tts.openjtalk import OpenJTalk
from tts.pyttsx3_voice import Pyttsx3
from tts.synthesizer import open_synthesizer


@pytest.fixture(scope="session")
def synthesizer(tmp_path_factory):
    opened = open_synthesizer(tmp_path_factory.mktemp("sound"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def openjtalk():
    try:
        return OpenJTalk()
    except VoiceUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def pyttsx3():
    voice = Pyttsx3()
    yield voice
    voice.close()
