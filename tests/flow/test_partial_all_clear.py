"""An all-clear of some areas: an Update that keeps the order in the others, of which nobody is told again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alertd import cap, people, plan, standing
from alertd.alert import Alert, MsgType, Severity, Status
from alertd.audience import Audience
from alertd.cap.profile import faults
from alertd.channel import Medium
from alertd.db import reading, writing
from alertd.issue import Submission, submit
from alertd.render import render
from alertd.send import drain
from alertd.siren import sirens
from alertd.site import Site
from alertd.tables import AreaRow
from alertd.template import Template, fill, template
from alertd.testing import FakeChannel, FakeFarEnd, FixedClock
from tests import factories


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    mail = FakeFarEnd(tmp_path / "mail").settings(carries=("Actual", "Exercise"))
    site = factories.make_site(
        tmp_path,
        f"sqlite:///{tmp_path / 'alertd.db'}",
        {"mail": mail},
        {"mail": FakeChannel("mail", mail)},
        clock=FixedClock(factories.START),
    )
    with writing(site.engine) as session:
        session.add(AreaRow(code="OSK", name="大崎", households=1))
    factories.add_people(site, ["a@example.jp"], kind="fake")
    yield site
    site.close()


def written(site: Site, name: str, *codes: str, blanks: dict[str, str]) -> tuple[Alert, Template]:
    """What the form makes of a template for these areas, a minute after the last one."""
    clock = site.clock
    assert isinstance(clock, FixedClock)
    clock.advance(timedelta(minutes=1))
    used = template(name)
    with reading(site.engine) as session:
        areas = people.as_areas(session, codes, site.config.city.name)
    alert = fill(
        used,
        blanks,
        city=site.config.city,
        status=Status.ACTUAL,
        identifier=f"152048-{name}-{clock.now():%H%M}",
        sent=clock.now(),
        expires=clock.now() + timedelta(hours=6),
        areas=areas,
        references=standing.replaced_by(site, used, areas, status=Status.ACTUAL),
    )
    return standing.with_the_rest(site, alert, used, areas), used


def let_go(site: Site, alert: Alert, used: Template) -> Alert:
    number = submit(
        site,
        Submission(
            alert=alert,
            audience=Audience(areas=("RNN",)),
            channels=("mail",),
            template=used.id,
            anew="地区ごとに出す",
        ),
        factories.WRITER,
    )
    factories.approve(site, number)
    plan.plan(site, number)
    drain(site, "mail", threading.Event())
    return alert


def holding(site: Site) -> dict[str, str]:
    """Area and the document that says what holds there."""
    with reading(site.engine) as session:
        return {
            order.area: order.reference.identifier for order in standing.orders(session, site.clock.now())
        }


def test_what_is_lifted_here_goes_on_there_and_readers_of_cap_see_both(site: Site) -> None:
    order = let_go(site, *written(site, "flood-4", "RNN", "RHK", "IGR", blanks={"river": "五十嵐川"}))
    began = order.sent
    partly = let_go(site, *written(site, "flood-lifted", "RNN", blanks={}))
    assert partly.msg_type is MsgType.UPDATE and partly.references == (order.reference,)
    assert holding(site) == {"RHK": partly.identifier, "IGR": partly.identifier}
    with reading(site.engine) as session:
        assert {one.since for one in standing.orders(session, site.clock.now())} == {began}

    read = cap.parse(cap.write(partly))
    kept = [info for info in read.infos if info.standing]
    assert [info.headline for info in kept] == [info.headline for info in order.infos]
    assert {len(info.areas) for info in kept} == {2}
    assert list(faults(read, site.config.city)) == []

    rest = let_go(site, *written(site, "flood-lifted", "RHK", "IGR", blanks={}))
    assert rest.references == (partly.reference,) and rest.infos == rest.news
    assert holding(site) == {}


def test_people_are_told_of_the_all_clear_alone(site: Site) -> None:
    let_go(site, *written(site, "flood-4", "RNN", "RHK", blanks={"river": "五十嵐川"}))
    partly, used = written(site, "flood-lifted", "RNN", blanks={})
    alone = fill(
        used,
        {},
        city=site.config.city,
        status=Status.ACTUAL,
        identifier=partly.identifier,
        sent=partly.sent,
        expires=partly.sent + timedelta(hours=6),
        areas=partly.news[0].areas,
        references=partly.references,
    )
    assert len(partly.infos) > len(alone.infos)
    for medium in Medium:
        assert render(partly, "ja", medium, site.config.city) == render(alone, "ja", medium, site.config.city)
    assert partly.severity is alone.severity is not Severity.SEVERE
    assert sirens(partly, partly.news) == 0


def test_what_holds_elsewhere_for_another_reason_is_left_alone(site: Site) -> None:
    let_go(site, *written(site, "flood-4", "RNN", blanks={"river": "五十嵐川"}))
    let_go(site, *written(site, "landslide-4", "RNN", "RHK", blanks={}))
    lifted, _ = written(site, "flood-lifted", "RNN", blanks={})
    assert lifted.infos == lifted.news
