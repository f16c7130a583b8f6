"""A broker that somebody has taken over: whatever is written into it, the same people hear the same alerts."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from celery.worker import state
from kombu.transport.redis import Channel

from alertd import issue, plan, worker
from alertd.clock import stopwatch
from alertd.config import Config
from tests import factories
from tests.chaos.nemesis import NONSENSE
from tests.flow.conftest import City
from tests.servers import running_valkey

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    # tests may run as root
    pytest.mark.filterwarnings("ignore::celery.exceptions.SecurityWarning"),
]

#: what a ring could be made to carry; only the name of a channel is one
_ARGUMENTS: tuple[object, ...] = (
    [], ["nothing"], [None], [7], [["mail"]], [{"mail": 1}], ["mail", 1, {"force": True}], ["../mail"], ["mail\r\n"],
    {"channel": "mail"}, "mail", None,
)  # fmt: skip
#: what a worker could be asked to do beside looking
_TASKS = (
    "alertd.look", "alertd.send", "alertd.issue.approve", "celery.backend_cleanup", "celery.chord_unlock",
    "celery.chain", "celery.group", "os.system", "",
)  # fmt: skip


def _message(task: str, arguments: object, embedded: object, **properties: object) -> str:
    """One message as Celery's second protocol writes it."""
    body = json.dumps([arguments, {}, embedded]).encode()
    known = {
        "delivery_mode": 2, "delivery_tag": f"{task}-{id(body)}", "body_encoding": "base64", "priority": 0,
        "delivery_info": {"exchange": "", "routing_key": worker.queue("mail")}, "correlation_id": "1",
    }  # fmt: skip
    headers = {"task": task, "id": "1", "lang": "py", "root_id": "1", "parent_id": None, "group": None}
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": {**headers, **properties.pop("headers", {})},  # type: ignore[dict-item]
            "properties": {**known, **properties},
        }
    )


def _pieces() -> Iterator[str]:
    nothing: dict[str, object] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    look: dict[str, object] = {
        "task": "alertd.look",
        "args": ["mail"],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
    }
    yield from NONSENSE
    for task in _TASKS:
        for arguments in _ARGUMENTS:
            yield _message(task, arguments, nothing)
    for name in nothing:
        yield _message("alertd.look", ["mail"], {**nothing, name: [look]})
        yield _message("alertd.look", ["mail"], {**nothing, name: "x"})
    for headers in (
        {"eta": "2026-01-01T00:00:00"}, {"eta": "x"}, {"expires": "x"}, {"retries": 10**9}, {"timelimit": "x"},
        {"id": None}, {"compression": "bzip2"}, {"stamps": 7, "stamped_headers": ["stamps"]},
    ):  # fmt: skip
        yield _message("alertd.look", ["mail"], nothing, headers=headers)
    yield _message("alertd.look", ["mail"], nothing, reply_to="alertd_look-phone", body_encoding="zip")
    for kind in ("application/x-python-serialize", "application/x-yaml", "application/data"):
        yield _message("alertd.look", ["mail"], nothing).replace("application/json", kind)
    yield from [_message("alertd.look", ["mail"], nothing)] * 20


@contextmanager
def _working(site_config: Config, city: City) -> Iterator[None]:
    """A worker for the channel `mail`, led to this broker."""
    city.site.config = site_config
    thread = threading.Thread(target=worker.run, args=(city.site, ["mail"]))
    thread.start()
    try:
        yield
        assert thread.is_alive(), "something in the broker has ended the worker"
    finally:
        state.should_stop = 0
        thread.join(30)
        state.should_stop = None
        assert not thread.is_alive()


def _dispatches(city: City) -> int:
    """One that waits for its approver, one refused, one called off, and one to be sent; its number."""
    factories.add_people(city.site, [f"a{number}" for number in range(5)])
    factories.submit(city.site, factories.make_alert(identifier="waits"))
    refused = factories.submit(city.site, factories.make_alert(identifier="refused"))
    issue.reject(city.site, refused, factories.APPROVER, reason="x")
    off = factories.submit(city.site, factories.make_alert(identifier="off"))
    factories.approve(city.site, off)
    plan.plan(city.site, off)
    issue.cancel(city.site, off, factories.APPROVER, reason="x", correct=False)
    sent = factories.submit(city.site, factories.make_alert(identifier="sent"))
    factories.approve(city.site, sent)
    plan.plan(city.site, sent)
    return sent


def test_whatever_is_written_into_the_broker_the_same_people_hear_the_same(city: City) -> None:
    with running_valkey() as valkey:
        config = replace(city.site.config, broker_url=valkey.url)
        line = worker.celery_app(config).connection_for_write().channel()
        assert isinstance(line, Channel)
        redis, queue = line.client, worker.queue("mail")
        sent = _dispatches(city)
        pieces = list(_pieces())
        for piece in pieces:
            redis.lpush(queue, piece)
        for key in (f"{queue}\x06\x163", "celery", worker.queue("phone"), "_kombu.binding.celeryev"):
            (redis.sadd if "binding" in key else redis.lpush)(key, *pieces)
        for number, piece in enumerate(
            ("x", "[]", "{}", "[1, 2, 3]", json.dumps([json.loads(pieces[-1]), "", queue]))
        ):
            redis.hset("unacked", f"t{number}", piece)
            redis.zadd("unacked_index", {f"t{number}": number, "gone": 0})
        ring, began, pause = worker.bell(config), stopwatch(), threading.Event()
        with _working(config, city):
            while redis.llen(queue) or len(city.heard()) < 5 or redis.zcard("unacked_index"):
                assert stopwatch() - began < 60, (redis.llen(queue), len(city.heard()))
                ring("mail")
                pause.wait(0.1)
            pause.wait(0.2)
        line.connection.client.close()
    assert sorted(one.address for one in city.heard()) == [f"a{number}" for number in range(5)]
    assert city.mail(sent).planned == 5
