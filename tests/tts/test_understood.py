"""English calls are understood by a recogniser that hears only the telephone's eight kilohertz."""

import pytest
import soundfile

from alertd.errors import VoiceUnavailable
from alertd.speech import CALL_AUDIO, Pause, Samples, Say, Script
from tts.assembly import resampled
from tts.program import flite
from tts.synthesizer import ScriptSynthesizer

pocketsphinx = pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

SENTENCES = [
    "this is an emergency message from the city",
    "evacuation order for the river area",
    "everyone must leave dangerous places now",
    "go to the second floor of your house",
    "do not go near the river",
    "the shelter is the first junior high school",
    "the road is closed because of flooding",
    "heavy rain will continue until tomorrow morning",
    "the water supply has stopped",
    "boil water before drinking",
    "a bear was seen near the school",
    "stay indoors and lock your doors",
    "the evacuation order has been lifted",
    "elderly people should leave now",
    "a strong earthquake has occurred",
    "watch out for landslides near steep slopes",
    "this is only a drill",
    "press one if you understand this message",
    "the fire has been put out",
    "help your neighbors if it is safe",
]


def test_nineteen_of_twenty_sentences_are_understood_over_the_telephone(tmp_path):
    try:
        voice = flite()
    except VoiceUnavailable as error:
        pytest.skip(f"the best English voice is missing: {error}")
    opened = ScriptSynthesizer(tmp_path, [voice])
    grammar = "#JSGF V1.0;\ngrammar alerts;\npublic <alert> = " + " | ".join(SENTENCES) + ";\n"
    path = tmp_path / "alerts.gram"
    path.write_text(grammar, encoding="ascii")
    decoder = pocketsphinx.Decoder(jsgf=str(path), loglevel="FATAL")
    understood = []
    for sentence in SENTENCES:
        asked = Script(language="en", parts=(Pause(0.3), Say(f"{sentence.capitalize()}.")))
        values, rate = soundfile.read(opened.speak(asked, CALL_AUDIO).path, dtype="float32")
        wide = resampled(Samples(values, rate), 16000).values
        decoder.start_utt()
        decoder.process_raw((wide * 32767).clip(-32768, 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        understood.append(heard is not None and heard.hypstr == sentence)
    assert sum(understood) >= 19, [s for s, ok in zip(SENTENCES, understood, strict=True) if not ok]
