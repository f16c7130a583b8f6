"""The API: by its scopes, once for each key, in problem documents, and never further than submitted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from httpx import Client, Response

from alertd import api_token, incoming
from alertd.api_token import Scope
from alertd.config import Feeds
from alertd.db import reading, writing
from alertd.dispatch import State
from alertd.tables import DispatchRow, RepeatRow, TokenRow
from tests.console.desk import Desk, open_desk
from tests.unit.test_cap import document

FLOOD = {"template": "flood-4", "values": {"river": "五十嵐川"}, "areas": ["RNN"], "channels": ["mail"]}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("api")
    with open_desk(folder, f"sqlite:///{folder / 'alertd.db'}") as desk:
        object.__setattr__(desk.site.config, "feeds", Feeds(senders=("city@example.jp",)))
        yield desk


class Api:
    """The API with a token."""

    def __init__(self, desk: Desk, *scopes: Scope, name: str) -> None:
        self.desk = desk
        with writing(desk.site.engine) as session:
            self.token = api_token.add(
                session, name=name, scopes=scopes, expires_at=None, now=desk.site.clock.now()
            )
        self.public: Client = desk.public

    def get(self, path: str) -> Response:
        return self.public.get(f"/api{path}", headers={"Authorization": f"Bearer {self.token}"})

    def post(self, body: object, key: str = "key-00000001") -> Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
        return self.public.post("/api/alerts", json=body, headers=headers)

    def draft(self, content: str, kind: str = "application/cap+xml") -> Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        return self.public.post("/api/drafts", content=content.encode(), headers=headers)


@pytest.fixture
def api(house: Desk, request: pytest.FixtureRequest) -> Api:
    return Api(house, *Scope, name=request.node.name[:60])


def problem(answer: Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: dict[str, object] = answer.json()
    assert said["status"] == status and said["title"] and said["detail"]
    return said


def test_an_alert_lands_as_submitted_and_nobody_is_told_before_a_person_approves(api: Api) -> None:
    answer = api.post(FLOOD)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    assert answer.json()["state"] == "submitted"
    assert api.get(f"/alerts/{number}").json()["state"] == "submitted"
    assert api.desk.report(number).state is State.SUBMITTED
    assert number in [one["id"] for one in api.get("/alerts").json()["alerts"]]
    with reading(api.desk.site.engine) as session:
        row = session.get_one(DispatchRow, number)
    assert row.approved_by is None and row.approved_at is None


def test_a_second_real_alert_of_the_kind_says_whether_it_is_an_update_or_new(api: Api) -> None:
    real = {**FLOOD, "status": "Actual", "areas": ["IGR", "RNN"]}
    first = api.post(real).json()["id"]
    asked = problem(api.post(real, "key-00000002"), 422)
    assert "update_of" in str(asked["problems"]) and str(first) in str(asked["problems"])
    refused = api.post({**real, "update_of": first}, "key-00000003")
    problem(refused, 409)
    both = {**real, "update_of": first, "new_because": "別の川"}
    problem(api.post(both, "key-00000004"), 422)
    new = api.post({**real, "new_because": "別の堤防で越水した"}, "key-00000005")
    assert new.status_code == 201
    with reading(api.desk.site.engine) as session:
        assert session.get_one(DispatchRow, new.json()["id"]).anew == "別の堤防で越水した"


def test_the_same_key_is_the_same_alert_and_another_request_needs_another_key(api: Api) -> None:
    first = api.post(FLOOD, "the-same-key")
    api.desk.clock.advance(timedelta(minutes=3))
    assert api.post(FLOOD, "the-same-key").json() == first.json()
    said = problem(api.post({**FLOOD, "areas": ["RHK"]}, "the-same-key"), 422)
    assert "Idempotency-Key" in str(said["problems"])
    assert api.post(FLOOD, "another-key").json()["id"] != first.json()["id"]


def test_a_request_whose_answer_was_lost_is_not_carried_out_twice(api: Api) -> None:
    first = api.post(FLOOD, "lost-answer")
    with writing(api.desk.site.engine) as session:
        for row in session.query(RepeatRow).filter_by(key="lost-answer"):
            row.status, row.answer = None, {}
    assert api.post(FLOOD, "lost-answer").json() == first.json()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"template": "flod-4"}, "template"),
        ({"values": {}}, "river"),
        ({"values": {"rivr": "x", "river": "五十嵐川"}}, "rivr"),
        ({"areas": ["XXX"]}, "areas"),
        ({"areas": []}, "audience"),
        ({"everybody": True}, "audience"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"status": "Actual", "channels": ["radio"]}, "status"),
        ({"status": "System"}, "status"),
        ({"hours": 1000}, "hours"),
        ({"approve": True}, "approve"),
        ({"areas": ["A\u0000"]}, "areas"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(house: Desk, changes: dict[str, object], field: str) -> None:
    name = f"wrong {field} {sorted(changes)} {len(str(changes))}"
    said = problem(Api(house, *Scope, name=name).post({**FLOOD, **changes}), 422)
    assert any(field in one["field"] for one in said["problems"]), said  # type: ignore[attr-defined]


def test_a_token_does_what_its_scopes_say_and_nothing_else(house: Desk) -> None:
    reader = Api(house, Scope.READ, name="reader")
    submitter = Api(house, Scope.SUBMIT, name="submitter")
    drafter = Api(house, Scope.DRAFTS, name="drafter")
    assert reader.get("/alerts").status_code == 200 and reader.get("/in-force").status_code == 200
    problem(reader.post(FLOOD), 403)
    problem(reader.draft(document(identifier="s.1")), 403)
    problem(submitter.get("/alerts"), 403)
    assert submitter.post(FLOOD).status_code == 201
    assert drafter.draft(document(identifier="s.2")).status_code == 200
    problem(drafter.post(FLOOD), 403)


def test_no_token_a_wrong_one_a_revoked_one_and_an_old_one_are_turned_away(house: Desk) -> None:
    for headers in ({}, {"Authorization": "Bearer alertd_wrong"}, {"Authorization": "Basic x"}):
        answer = house.public.get("/api/alerts", headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    mine = Api(house, Scope.READ, name="for a while")
    assert mine.get("/alerts").status_code == 200
    with writing(house.site.engine) as session:
        api_token.revoke(session, "for a while", house.site.clock.now())
    problem(mine.get("/alerts"), 401)
    now = house.site.clock.now()
    with writing(house.site.engine) as session:
        token = api_token.add(
            session, name="short", scopes=[Scope.READ], expires_at=now + timedelta(hours=1), now=now
        )
    headers = {"Authorization": f"Bearer {token}"}
    assert house.public.get("/api/alerts", headers=headers).status_code == 200
    house.clock.advance(timedelta(hours=2))
    problem(house.public.get("/api/alerts", headers=headers), 401)


def test_a_token_is_stored_by_its_hash_alone(house: Desk) -> None:
    token = Api(house, Scope.READ, name="hashed").token
    with reading(house.site.engine) as session:
        rows = session.query(TokenRow).all()
    assert all(row.used_at is None for row in rows if row.name == "hashed")
    assert house.public.get("/api/alerts", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    with reading(house.site.engine) as session:
        assert session.query(TokenRow).filter_by(name="hashed").one().used_at == house.site.clock.now()
    assert token.startswith("alertd_") and not [row for row in rows if token in str(vars(row))]


def test_a_document_becomes_a_draft_of_an_allowed_sender_alone(api: Api) -> None:
    answer = api.draft(document(identifier="api.1"))
    assert answer.json()["outcome"] == "draft"
    assert api.draft(document(identifier="api.1")).json()["outcome"] == "known"
    with reading(api.desk.site.engine) as session:
        row = incoming.draft(session, answer.json()["draft"])
    assert row.source.startswith("api:") and row.settled_at is None
    problem(api.draft(document(identifier="api.2", sender="stranger@example.jp")), 422)
    problem(api.draft("<!DOCTYPE x><x/>"), 422)
    problem(api.draft("x", "text/plain"), 415)


def test_every_error_is_a_problem_document(api: Api) -> None:
    problem(api.get("/nothing"), 404)
    problem(api.get("/alerts/999999"), 404)
    problem(api.get("/alerts/0"), 422)
    wrong_method = api.public.delete("/api/alerts")
    problem(wrong_method, 405)
    assert wrong_method.headers["allow"] == "GET, POST"
    headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": "key-00000009"}
    problem(
        api.public.post("/api/alerts", content=b"{", headers={**headers, "Content-Type": "application/json"}),
        400,
    )
    headers.pop("Idempotency-Key")
    problem(api.public.post("/api/alerts", json=FLOOD, headers=headers), 422)


def test_it_describes_itself_and_every_error_as_it_is(api: Api) -> None:
    description = api.public.get("/api/openapi.json").json()
    assert description["servers"] == [{"url": "/api"}]
    assert set(description["paths"]) == {"/alerts", "/alerts/{number}", "/in-force", "/freeze", "/drafts"}
    for path in description["paths"].values():
        for operation in path.values():
            assert {"401", "403"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                kinds = set(response["content"])
                assert kinds == ({"application/problem+json"} if status >= "400" else {"application/json"})


def test_what_is_in_force_is_told(api: Api) -> None:
    assert api.get("/in-force").json() == []
