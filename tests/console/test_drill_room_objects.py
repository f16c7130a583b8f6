"""Nothing of the real world is found in the drill room: every route, every role, generated from the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from httpx import Client
from sqlalchemy import select

from alertd.alert import Status
from alertd.db import reading, writing
from alertd.dispatch import Role
from alertd.tables import ArtefactRow, DeliveryRow, OperatorRow, SavedDraftRow
from operator_console.app import drill_app
from operator_console.drill_room import has_page, room
from operator_console.routes import Route, routes
from tests.console.desk import PASSWORD, Desk, approve, csrf, form_of, hidden, open_desk, submit
from tests.factories import APPROVER, START, WRITER
from tests.serving import serving

#: stands in every text of the real alert and in the draft of the next one
CANARY = "本番専用避難所"
#: who is a trainee and has every other role besides
EVERYTHING = "研修中 全役割"
#: parts of a path that name nobody's object
_PLAIN = {"{template}": "flood-4", "{identifier}": "flood-4", "{name}": "console.css", "{how}": "update"}


@dataclass(frozen=True, slots=True)
class World:
    """A real alert that went out, a draft of the next one, a drill of a trainee, and where the room is."""

    desk: Desk
    address: str
    real: int
    drill: int
    draft: int
    delivery: int
    recipient: int
    sound: str

    def parts(self, route: Route, *, dispatch: int) -> Mapping[str, str]:
        """What stands for the parts of a path: objects of the real world."""
        number = self.draft if route.path.startswith("/drafts/kept/") else dispatch
        return {
            "{number:int}": str(number),
            "{delivery:int}": str(self.delivery),
            "{recipient:int}": str(self.recipient),
            "{channel}": "mail",
            "{digest}": self.sound,
        }

    @contextmanager
    def enter(self, name: str) -> Iterator[Client]:
        """A browser in the room in which this operator is signed in."""
        with Client(base_url=self.address, headers={"Origin": self.address}, timeout=30) as browser:
            answer = browser.post("/sign-in", data={"name": name, "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            yield browser


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("room")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        writer = desk.signed_in(WRITER.name)
        real = submit(writer, {**form_of(writer), "blank:shelters": CANARY})
        assert approve(desk.signed_in(APPROVER.name), real).status_code == 303
        desk.send(real)
        page = writer.get("/alerts/new/flood-4?status=Actual").text
        next_one = {**form_of(writer), "draft": hidden(page, "draft"), "blank:shelters": CANARY}
        assert writer.post("/alerts/new/flood-4/keep", data=next_one).status_code == 200
        with writing(desk.site.engine) as session:
            hashed = session.scalars(select(OperatorRow.password_hash).limit(1)).one()
            people = {f"研修中 {role}": {role, Role.TRAINEE} for role in Role} | {EVERYTHING: set(Role)}
            for number, (name, roles) in enumerate(people.items()):
                session.add(
                    OperatorRow(
                        id=200 + number,
                        name=name,
                        password_hash=hashed,
                        roles=sorted(roles),
                        created_at=START,
                    )
                )
            draft = session.scalars(select(SavedDraftRow.id).order_by(SavedDraftRow.id.desc())).first()
            delivery = session.scalars(select(DeliveryRow).where(DeliveryRow.dispatch_id == real)).first()
            sound = session.scalars(
                select(ArtefactRow.audio_digest).where(
                    ArtefactRow.dispatch_id == real, ArtefactRow.audio_digest.is_not(None)
                )
            ).first()
            assert draft is not None and delivery is not None and sound is not None
            found = (draft, delivery.id, delivery.recipient_id, sound)
        config = desk.site.config
        web = config.web.model_copy(update={"drill_port": 1, "drill_url": ""})
        desk.site.config = replace(config, web=web)
        with serving(drill_app(desk.site)) as address:
            world = World(desk, address, real, 0, *found)
            with world.enter(f"研修中 {Role.TRAINEE}") as trainee:
                drill = submit(trainee, form_of(trainee, Status.EXERCISE, channel=["fm"]))
            yield replace(world, drill=drill)


def _address(route: Route, parts: Mapping[str, str]) -> str:
    path = route.path
    for part, value in {**_PLAIN, **parts}.items():
        path = path.replace(part, value)
    assert "{" not in path, f"say what stands for the parts of {route.path}"
    return path


def _ask(browser: Client, route: Route, address: str, token: str, **form: str) -> tuple[int, str]:
    if route.method == "POST":
        answer = browser.post(address, data={"csrf": token, **form})
        return answer.status_code, answer.text
    with browser.stream("GET", address) as answer:
        endless = "event-stream" in answer.headers.get("content-type", "")
        return answer.status_code, "" if endless else answer.read().decode(errors="replace")


def _names_something(route: Route) -> bool:
    return bool(re.search(r"\{(number|delivery|recipient|digest|channel)", route.path))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_refused_every_object_of_the_real_world(world: World, role: Role) -> None:
    with world.enter(f"研修中 {role}") as browser:
        token = csrf(browser.get("/").text)
        asked = 0
        for route in routes(room(world.desk.site)):
            if not _names_something(route) or route.needs is None or not has_page(route.path):
                continue
            address = _address(route, world.parts(route, dispatch=world.real))
            status, text = _ask(browser, route, address, token)
            assert status == (404 if route.needs & {role, Role.TRAINEE} else 403), (
                f"{role} at {route.method} {address}: {status}"
            )
            assert CANARY not in text, f"{role} at {route.method} {address}"
            asked += 1
    assert asked > 30, "the registry was read"


def test_a_drill_shows_nobody_who_is_not_of_it(world: World) -> None:
    with world.enter(f"研修中 {Role.APPROVE}") as browser:
        token = csrf(browser.get("/").text)
        for route in routes(room(world.desk.site)):
            if "{recipient" in route.path:
                address = _address(route, world.parts(route, dispatch=world.drill))
                status, _ = _ask(browser, route, address, token, result="reached")
                assert status in (403, 404, 409, 422), f"{route.method} {address}: {status}"
                with reading(world.desk.site.engine) as session:
                    delivery = session.get_one(DeliveryRow, world.delivery)
                    assert delivery.dispatch_id == world.real


def test_no_page_of_the_room_tells_of_the_real_world(world: World) -> None:
    with world.enter(EVERYTHING) as browser:
        token = csrf(browser.get("/").text)
        for route in routes(room(world.desk.site)):
            if _names_something(route) or route.path == "/sign-out" or not has_page(route.path):
                continue
            address = _address(route, {})
            _, text = _ask(browser, route, address, token, status="Exercise")
            for told in (CANARY, f'/alerts/{world.real}"', f"/alerts/{world.real}/"):
                assert told not in text, f"{route.method} {address} tells {told}"


def test_no_form_of_the_room_follows_up_a_real_alert(world: World) -> None:
    with world.enter(EVERYTHING) as browser:
        form = form_of(browser, Status.EXERCISE, channel=["fm"])
        for route in routes(room(world.desk.site)):
            if route.method == "POST" and "{template}" in route.path:
                address = _address(route, {})
                for how in ("correction", "update", ""):
                    answer = browser.post(address, data={**form, "follows": world.real, "follow_up": how})
                    assert answer.status_code == 404, f"{address}: {answer.status_code}"
        answer = browser.post("/alerts/new/flood-4", data={**form, "follows": world.drill})
        assert answer.status_code == 200, "a drill is followed up"


def test_what_drills_do_not_need_is_not_there_whatever_is_asked_for(world: World) -> None:
    with world.enter(EVERYTHING) as browser:
        token = csrf(browser.get("/").text)
        for route in routes(room(world.desk.site)):
            if not has_page(route.path):
                address = _address(route, world.parts(route, dispatch=world.real))
                status, _ = _ask(browser, route, address, token)
                assert status == 404, f"{route.method} {address}: {status}"


def test_what_is_kept_of_a_real_alert_is_not_put_away_from_the_room(world: World) -> None:
    with world.enter(f"研修中 {Role.DRAFT}") as browser:
        token = csrf(browser.get("/").text)
        assert browser.post(f"/drafts/kept/{world.draft}/put-away", data={"csrf": token}).status_code == 404
    with reading(world.desk.site.engine) as session:
        assert session.get_one(SavedDraftRow, world.draft).settled_at is None


def test_a_trainee_goes_on_with_what_was_kept_in_the_room(world: World) -> None:
    with world.enter(f"研修中 {Role.TRAINEE}") as browser:
        page = browser.get("/alerts/new/flood-4?status=Exercise").text
        form = form_of(browser, Status.EXERCISE, channel=["fm"], draft=hidden(page, "draft"))
        kept = browser.post("/alerts/new/flood-4/keep", data=form)
        assert kept.status_code == 200
        with reading(world.desk.site.engine) as session:
            number = session.scalars(select(SavedDraftRow.id).order_by(SavedDraftRow.id.desc())).first()
            heard = session.scalars(
                select(ArtefactRow.audio_digest).where(ArtefactRow.dispatch_id == world.drill)
            ).first()
        assert browser.get(f"/drafts/kept/{number}").status_code == 200
        assert browser.get(f"/audio/{heard}.wav").status_code == 200, "the sound of a drill"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.TRAINEE])
def test_a_session_of_outside_opens_nothing_in_the_room(world: World, role: Role) -> None:
    (cookie,) = world.desk.signed_in(role).cookies.jar
    with Client(base_url=world.address, headers={"Origin": world.address}, timeout=30) as browser:
        for name in (cookie.name, "alertd-drill"):
            browser.cookies.set(name, cookie.value or "")
        for route in routes(room(world.desk.site)):
            if route.needs is not None and has_page(route.path) and _names_something(route):
                address = _address(route, world.parts(route, dispatch=world.real))
                answer = browser.request(route.method, address)
                assert answer.status_code == 303, f"{role} at {route.method} {address}"
                assert answer.headers["location"].startswith("/sign-in")
