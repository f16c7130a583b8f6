"""A desk: a site whose console is open, with operators who can sign in, people, and quick channels."""

from __future__ import annotations

import hashlib
import io
import re
import threading
import wave
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from argon2 import PasswordHasher
from httpx import Client, Response
from sqlalchemy import update

from alertd import plan
from alertd.alert import Status
from alertd.channel import Medium, Traits
from alertd.clock import Clock
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.recipient import RecipientKind
from alertd.report import Report, report
from alertd.send import drain
from alertd.site import Site
from alertd.speech import CALL_AUDIO, AudioFormat, Say, Script, Sound
from alertd.tables import OperatorRow
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from operator_console.app import console_app, public_app
from operator_console.connection import connection
from tests import factories
from tests.serving import serving

PASSWORD = "五十嵐川の水位を毎日見る"
#: costs next to nothing; the real cost is a matter of `alertd.operators`
_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
#: one operator for each role, by the role's own name
ONE_ROLE = {role: 100 + number for number, role in enumerate(Role)}


class SpokenChannel(FakeChannel):
    """A fake that wants a sound."""

    @property
    def traits(self) -> Traits:
        return replace(super().traits, audio=CALL_AUDIO)


class Hum:
    """A synthesizer whose every sound is one second; its samples are the words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def speak(self, script: Script, format: AudioFormat) -> Sound:
        words = self.reading(script)
        sound = io.BytesIO()
        with wave.open(sound, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(words.encode().ljust(16000, b"\0")[:16000])
        digest = hashlib.sha256(sound.getvalue()).hexdigest()
        path = self._folder / f"{digest}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sound.getvalue())
        return Sound(
            digest=digest, path=path, seconds=1.0, format=format, voice="hum", reading=words, unread="㍿"
        )

    def reading(self, script: Script) -> str:
        return " ".join(part.text for part in script.parts if isinstance(part, Say))

    def close(self) -> None:
        pass


@dataclass
class Desk:
    """The site, its clock, and a browser for each person who signs in."""

    site: Site
    clock: FixedClock
    far_end: FakeFarEnd
    #: where the console is
    console: str
    _open: ExitStack

    def browser(self) -> Client:
        """A browser in which nobody is signed in."""
        return self._open.enter_context(
            Client(base_url=self.console, headers={"Origin": self.console}, timeout=30, verify=False)
        )

    @cached_property
    def public_url(self) -> str:
        """Where the public pages are; served from the first look on."""
        app = public_app(self.site)
        return self._open.enter_context(serving(app, connection(turned_away=app.turned_away)))

    @cached_property
    def public(self) -> Client:
        """Somebody on the internet."""
        return self._open.enter_context(Client(base_url=self.public_url, timeout=30, verify=False))

    def signed_in(self, name: str) -> Client:
        """A browser in which this operator is signed in."""
        browser = self.browser()
        answer = browser.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser

    def report(self, number: int) -> Report:
        with reading(self.site.engine) as session:
            return report(session, number)

    def send(self, number: int) -> Report:
        """Plans what was approved and hands it over."""
        plan.plan(self.site, number)
        for name in self.site.settings:
            drain(self.site, name, threading.Event())
        return self.report(number)


@contextmanager
def open_desk(
    folder: Path, database_url: str, *, clock: Clock | None = None, patience: float = 10.0
) -> Iterator[Desk]:
    """Four channels: mail and phone also carry real alerts, fm and radio drills only; radio is simulated."""
    far_end = FakeFarEnd(folder / "far_end")
    drill = (Status.EXERCISE, Status.TEST)
    settings = {
        "mail": far_end.settings(kind="email"),
        "phone": far_end.settings(kind="voice", medium=Medium.CALL),
        "fm": far_end.settings(kind="fm", medium=Medium.BROADCAST, carries=drill),
        "radio": far_end.settings(kind="radio", medium=Medium.OUTDOOR, carries=drill, simulated=True),
    }
    channels = {
        name: (FakeChannel if name == "mail" else SpokenChannel)(name, found)
        for name, found in settings.items()
    }
    fixed = FixedClock(factories.START)
    site = factories.make_site(
        folder, database_url, settings, channels, clock=clock or fixed, patience=patience
    )
    site._synthesizer = Hum(folder / "hum")
    with writing(site.engine) as session:
        session.execute(update(OperatorRow).values(password_hash=_HASH))
        for role, number in ONE_ROLE.items():
            session.add(
                OperatorRow(
                    id=number, name=role, password_hash=_HASH, roles=[role], created_at=factories.START
                )
            )
    factories.add_people(site, [f"a{n}@example.jp" for n in range(3)], kind="email")
    factories.add_people(site, ["refused@example.jp", "busy@example.jp"], kind="email")
    factories.add_people(site, ["+81256000001", "+81256000002"], kind="voice", area="RHK")
    factories.add_people(site, ["alertd"], kind="fm", who=RecipientKind.STATION)
    factories.add_people(site, ["239.1.2.3:5004"], kind="radio", who=RecipientKind.LOUDSPEAKER)
    with ExitStack() as opened:
        opened.callback(site.close)
        console = opened.enter_context(serving(console_app(site)))
        yield Desk(site, fixed, far_end, console, opened)


# --- the steps that an operator takes --------------------------------------------------------

#: a real flood alert as the form sends it, without the token
FLOOD = {
    "area": ["RNN", "RHK"],
    "channel": ["mail", "phone"],
    "life": "6",
    "blank:river": "五十嵐川",
    "blank:shelters": "第一中学校",
    "blank:time": "",
    "blank:phone": "",
    "blank:web": "",
}


def csrf(page: str) -> str:
    """The token of the session, from any page with a form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, f"no field {name}"
    return found[1]


def form_of(browser: Client, status: Status = Status.ACTUAL, **changes: object) -> dict[str, object]:
    """The filled form of a flood alert."""
    page = browser.get(f"/alerts/new/flood-4?status={status}")
    assert page.status_code == 200, page.text
    return {**FLOOD, "status": str(status), "csrf": csrf(page.text), **changes}


def check(browser: Client, form: dict[str, object], template: str = "flood-4") -> Response:
    """The check page."""
    return browser.post(f"/alerts/new/{template}/check", data=form)


def submit(browser: Client, form: dict[str, object], template: str = "flood-4") -> int:
    """Checks and submits, as one of its own whatever went before; returns the number of the dispatch."""
    checked = check(browser, form, template)
    assert checked.status_code == 200, checked.text
    form = {**form, "key": hidden(checked.text, "key")}
    if 'name="again"' in checked.text:
        beside = re.findall(r'name="beside" value="(\d+)"', checked.text)
        form |= {"again": "new", "anew": "別の川の発令", "beside": beside}
    answer = browser.post(f"/alerts/new/{template}/submit", data=form)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


def approve(browser: Client, number: int, typed: str = "避難指示 嵐南地区") -> Response:
    """Approves what the page shows."""
    page = browser.get(f"/alerts/{number}/approve")
    assert page.status_code == 200, page.text
    form = {"csrf": csrf(page.text), "seen": hidden(page.text, "seen"), "typed": typed}
    return browser.post(f"/alerts/{number}/approve", data=form)
