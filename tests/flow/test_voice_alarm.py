"""A voice that fails puts an alarm on, and its own next sentence puts it off; the text channels never wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from alertd import correct, store
from alertd.channel import Medium
from alertd.db import reading
from alertd.errors import VoiceUnavailable
from alertd.site import Site
from alertd.speech import AudioFormat, Script, Sound
from alertd.tables import AuditRow
from alertd.testing import FakeFarEnd, FixedClock
from tests import factories
from tests.console.desk import Hum, SpokenChannel

DEAD = "no voice could speak this text in 'ja'"


class Hoarse(Hum):
    """Hums; what its voices suffer from can be set."""

    ailing = ""
    dead = False

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        if self.dead:
            raise VoiceUnavailable(DEAD)
        return replace(super().speak(script, format), ailing=self.ailing)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    far_end = FakeFarEnd(tmp_path / "far_end")
    settings = {"phone": far_end.settings(kind="voice", medium=Medium.CALL)}
    opened = factories.make_site(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        settings,
        {"phone": SpokenChannel("phone", settings["phone"])},
        clock=FixedClock(factories.START),
    )
    opened._synthesizer = Hoarse(tmp_path / "hum")
    factories.add_people(opened, ["+81256000001"], kind="voice")
    yield opened
    opened.close()


def submit(site: Site, number: int) -> int:
    return factories.submit(site, factories.make_alert(identifier=f"sanjo.{number}"), channels=("phone",))


def alarms(site: Site) -> dict[str, str]:
    with reading(site.engine) as session:
        return {row.name: row.message for row in store.alarms(session)}


def test_the_alarm_is_on_until_the_first_voice_speaks_again(site: Site):
    voices: Hoarse = site.synthesizer  # type: ignore[assignment]
    voices.ailing = "openjtalk: it was killed"
    submit(site, 1)
    assert alarms(site) == {"speech:ja": "speech in ja: openjtalk: it was killed"}
    voices.ailing = ""
    submit(site, 2)
    assert alarms(site) == {}


def test_without_any_voice_the_words_go_on_alone_and_the_alarm_is_on(site: Site):
    voices: Hoarse = site.synthesizer  # type: ignore[assignment]
    voices.dead = True
    number = submit(site, 1)
    assert alarms(site) == {"speech:ja": f"speech in ja: {DEAD}"}
    with reading(site.engine) as session:
        (made,) = store.artefacts(session, number)
        assert made.text and made.audio_digest is None
    voices.dead = False
    assert correct.speak(site, number) == 1, "the correction's sound puts it off too"
    assert alarms(site) == {}


def test_the_audit_trail_names_the_voice_of_every_sound(site: Site):
    number = submit(site, 1)
    with reading(site.engine) as session:
        row = session.scalars(select(AuditRow).where(AuditRow.subject == f"dispatch:{number}")).one()
        assert row.detail["voices"] == {"phone/ja": "hum"}
