"""Registering by the public page: double opt-in, the same answer for everybody, links that work once."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import Request
from httpx import Client, Response
from sqlalchemy import func, select

from alertd import people, plan, subscribe
from alertd.alert import Status
from alertd.audience import Audience
from alertd.category import Category
from alertd.db import reading
from alertd.messages import CHANGE, STOP
from alertd.people import Line
from alertd.send import drain
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscription import How
from alertd.tables import AlarmRow, AuditRow, ContactRow, LetterRow, SubscriptionRow
from alertd.testing import FixedClock
from alertd.token import seal
from operator_console.app import public_app
from operator_console.registration import client_of
from tests import factories
from tests.post_office import BLANK_MAIL, PostOffice, post_office, text_of
from tests.serving import serving

#: on the list already, by the desk
KNOWN = "a0@example.jp"
NEW = "hana@example.jp"


@dataclass
class Desk:
    """A site whose public pages are open."""

    site: Site
    clock: FixedClock
    public: Client


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock = FixedClock(factories.START)
    site = factories.make_site(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", {}, {}, clock=clock)
    factories.add_people(site, [f"a{number}@example.jp" for number in range(5)], kind="email")
    with serving(public_app(site)) as url, Client(base_url=url, timeout=30, verify=False) as public:
        yield Desk(site, clock, public)
    site.close()


@pytest.fixture
def office(desk: Desk) -> Iterator[PostOffice]:
    with post_office(desk.site) as office:
        yield office


def ask(desk: Desk, address: str, language: str = "ja") -> Response:
    return desk.public.post(f"/register?lang={language}", data={"address": address})


def choose(desk: Desk, link: str, **fields: object) -> Response:
    form = {"area": ["RNN"], "category": ["wildlife"], "language": "ja", **fields}
    return desk.public.post(link, data={name: value for name, value in form.items() if value is not None})


def contact(desk: Desk, address: str) -> ContactRow | None:
    with reading(desk.site.engine) as session:
        found = subscriptions.contacts_at(session, address)
    return found[0] if found else None


def reached(desk: Desk, category: Category, area: str = "RNN") -> set[str]:
    """The mail addresses that an alert of this category would reach."""
    with reading(desk.site.engine) as session:
        audience = Audience(areas=(area,), category=category)
        query = people.contacts_of(audience, Line("letters", "email"))
        rows = [row.contact_id for row in session.execute(query)]
        return set(session.scalars(select(ContactRow.address).where(ContactRow.id.in_(rows))))


def test_a_resident_registers_with_an_address_one_link_and_one_area(desk: Desk, office: PostOffice):
    assert ask(desk, NEW).status_code == 200
    assert contact(desk, NEW) is None, "nothing is registered by asking"
    link = office.link()
    page = desk.public.get(link)
    assert page.status_code == 200 and "同意して登録する" in page.text
    assert contact(desk, NEW) is None, "mail scanners open every link"
    assert choose(desk, link).status_code == 200
    (welcome,) = office.post()
    assert welcome.recipient == NEW
    assert "登録が完了しました" in welcome.parsed()["Subject"]
    assert "地区：嵐南" in text_of(welcome) and "クマなど鳥獣" in text_of(welcome)
    assert "/stop/" in text_of(welcome) and "/change/" in text_of(welcome)
    with reading(desk.site.engine) as session:
        row = session.scalars(select(SubscriptionRow)).one()
        audited = session.scalars(select(AuditRow.action)).all()
    assert (row.how, row.network, row.text_version.partition(":")[0]) == ("page", "127.0.0.0/24", "ja")
    assert "contact.registered" in audited


def test_what_a_resident_chose_decides_what_comes(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    choose(desk, office.link(), area=["RHK"], category=["fire"])
    assert NEW in reached(desk, Category.FIRE, "RHK")
    assert NEW in reached(desk, Category.LIFE, "RHK"), "life-saving news cannot be switched off"
    assert NEW not in reached(desk, Category.WILDLIFE, "RHK")
    assert NEW not in reached(desk, Category.FIRE, "RNN")
    assert KNOWN in reached(desk, Category.WILDLIFE, "RNN"), "the city's own lists are told everything"


def test_everybody_means_those_who_want_such_news(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    choose(desk, office.link(), category=["fire"])
    for category, wanted in ((Category.FIRE, 1), (Category.DRILL, 0), (Category.LIFE, 1)):
        with reading(desk.site.engine) as session:
            audience = Audience(everybody=True, category=category)
            number = people.count(session, audience, [Line("letters", "email")])["letters"]
        assert number == 5 + wanted, category


def test_the_answer_is_the_same_bytes_for_known_and_unknown_addresses(desk: Desk, office: PostOffice):
    for language in ("ja", "ja-easy", "en"):
        answers = [ask(desk, address, language) for address in (KNOWN, NEW, KNOWN, "a..b.@docomo.ne.jp")]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        headers = [{k: v for k, v in answer.headers.items() if k != "date"} for answer in answers]
        assert headers[0] == headers[1] == headers[2] == headers[3]
        assert KNOWN not in answers[0].text and NEW not in answers[1].text


def test_asking_does_the_same_work_for_known_and_unknown_addresses(desk: Desk, office: PostOffice):
    """Time follows work: one row is written, and nothing is looked up by the address."""
    for address in (KNOWN, NEW):
        ask(desk, address)
    with reading(desk.site.engine) as session:
        rows = session.scalars(select(LetterRow).order_by(LetterRow.id)).all()
    assert [(row.kind, row.token_hash, row.fate, row.attempt) for row in rows] == [
        ("invitation", None, None, 0)
    ] * 2


def test_a_known_address_gets_a_link_to_its_own_page(desk: Desk, office: PostOffice):
    ask(desk, KNOWN)
    (mail,) = office.post()
    assert "登録内容の変更・停止" in mail.parsed()["Subject"]
    page = desk.public.get(office.link(mail)).text
    assert "配信の停止" in page and KNOWN not in page
    assert choose(desk, office.link(mail), area=["*"], category=[], language="en").status_code == 200
    assert KNOWN not in reached(desk, Category.WILDLIFE) and KNOWN in reached(desk, Category.LIFE, "IGR")
    (told,) = office.post()
    assert "Your registration was changed" in told.parsed()["Subject"]
    assert "the whole city" in text_of(told)


def test_a_link_works_once(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    link = office.link()
    assert choose(desk, link).status_code == 200
    for again in (desk.public.get(link), choose(desk, link, area=["RHK"])):
        assert again.status_code == 410
    assert NEW not in reached(desk, Category.LIFE, "RHK")


def test_a_link_is_too_old_after_a_day(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    link = office.link()
    desk.clock.advance(timedelta(hours=23, minutes=59))
    assert desk.public.get(link).status_code == 200
    desk.clock.advance(timedelta(minutes=2))
    assert desk.public.get(link).status_code == choose(desk, link).status_code == 410
    assert contact(desk, NEW) is None


def test_a_made_up_link_opens_nothing(desk: Desk, office: PostOffice):
    for token in ("x", "A" * 43, "%2e%2e%2fx", "%00", "%ff"):
        assert desk.public.get(f"/r/{token}").status_code in (404, 410)
        assert choose(desk, f"/r/{token}").status_code in (404, 410)


def test_the_database_does_not_hold_what_opens_a_link(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    token = office.link().rpartition("/")[2]
    with reading(desk.site.engine) as session:
        stored = session.scalars(select(LetterRow)).one()
    assert len(token) == 43, "256 bits"
    assert token not in "".join(map(str, vars(stored).values()))


def test_a_thousand_requests_for_a_victim_give_one_mail_an_hour(desk: Desk, office: PostOffice):
    def thousand() -> int:
        for number in range(1000):
            address = f"victim+{number}@example.jp" if number % 3 else "victim@example.jp"
            network = f"198.51.{number % 20}.0/24"
            subscribe.ask(desk.site, address, language="ja", how=How.PAGE, network=network)
        return len(office.post())

    assert thousand() == 1
    with reading(desk.site.engine) as session:
        fates = session.scalars(select(LetterRow.fate)).all()
    assert (len(fates), fates.count("withheld"), fates.count("sent")) == (1000, 999, 1)


def test_a_victim_gets_three_mails_a_day(desk: Desk, office: PostOffice):
    mails = 0
    for _ in range(47):
        desk.clock.advance(timedelta(minutes=30))
        ask(desk, "victim@example.jp")
        mails += len(office.post())
    assert mails == 3


def test_a_used_link_does_not_count_against_its_owner(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    choose(desk, office.link())
    office.post()
    ask(desk, NEW)
    assert "登録内容" in office.post()[0].parsed()["Subject"], "who has answered may ask again at once"


def test_one_network_cannot_ask_for_thousands(
    desk: Desk, office: PostOffice, monkeypatch: pytest.MonkeyPatch
):
    limit, config = 20, desk.site.config
    few = config.subscribe.model_copy(update={"per_network_hour": limit})
    monkeypatch.setattr(desk.site, "config", replace(config, subscribe=few))
    answers = [ask(desk, f"n{number}@example.jp") for number in range(limit + 2)]
    assert [answer.status_code for answer in answers[-3:]] == [200, 429, 429]
    assert ask(desk, KNOWN).content == answers[-1].content, "known or not, the answer is the same"
    with reading(desk.site.engine) as session:
        assert session.scalar(select(func.count()).select_from(LetterRow)) == limit
    desk.clock.advance(timedelta(hours=1, seconds=1))
    assert ask(desk, NEW).status_code == 200


def test_a_proxy_is_believed_only_when_it_is_ours():
    def client(*proxies: str) -> str:
        headers = [(b"x-forwarded-for", b"198.51.100.7, 203.0.113.9")]
        scope = {"type": "http", "headers": headers, "client": ("127.0.0.1", 1)}
        return client_of(Request(scope), proxies)

    assert client() == "127.0.0.1"
    assert client("127.0.0.1") == "203.0.113.9"
    assert client("127.0.0.1", "203.0.113.9") == "198.51.100.7"


def test_an_address_that_cannot_be_sent_to_is_told_clearly(desk: Desk, office: PostOffice):
    assert ask(desk, "").status_code == 422
    for wrong in (
        "x",
        "a b@example.jp",
        "a@b@example.jp",
        "ａ＠",
        "a@example.jp\r\nBcc: b@example.jp",
        "a@-x-",
    ):
        answer = ask(desk, wrong)
        assert answer.status_code == 422 and "このアドレスにはメールを送れません" in answer.text, wrong
    assert office.post() == []


def test_old_mobile_addresses_that_break_the_rules_are_registered(desk: Desk, office: PostOffice):
    for address in ("taro..yama.@docomo.ne.jp", ".hana-@ezweb.ne.jp"):
        assert ask(desk, address).status_code == 200
        (mail,) = office.post()
        local, _, domain = address.partition("@")
        assert mail.recipient == f'"{local}"@{domain}'
        choose(desk, office.link(mail))
        office.post()
        assert address in reached(desk, Category.LIFE)


def test_without_an_area_nothing_is_registered_and_the_choice_is_kept(desk: Desk, office: PostOffice):
    ask(desk, NEW)
    link = office.link()
    answer = choose(desk, link, area=None, category=["fire"])
    assert answer.status_code == 422 and "地区を1つ以上" in answer.text
    assert re.search(r'value="fire" checked', answer.text) and not re.search(
        r'value="crime" checked', answer.text
    )
    assert contact(desk, NEW) is None
    assert choose(desk, link, area=["NOWHERE"]).status_code == 422
    assert choose(desk, link).status_code == 200


def test_leaving_by_ones_own_page_is_at_once(desk: Desk, office: PostOffice):
    ask(desk, KNOWN)
    assert choose(desk, office.link(), leave="1").status_code == 200
    assert KNOWN not in reached(desk, Category.LIFE)
    ask(desk, KNOWN)
    (mail,) = office.post()
    assert "登録を完了してください" in mail.parsed()["Subject"], "somebody who has left is as new"
    choose(desk, office.link(mail))
    assert KNOWN in reached(desk, Category.LIFE)


def test_leaving_ends_the_links_that_were_sent_before(desk: Desk, office: PostOffice):
    ask(desk, KNOWN)
    link = office.link()
    known = contact(desk, KNOWN)
    assert known is not None
    desk.public.post(f"/stop/{seal(desk.site.secret, STOP, known.id)}")
    assert desk.public.get(link).status_code == 410


def test_an_address_that_is_listed_twice_leaves_twice(desk: Desk, office: PostOffice):
    factories.add_people(desk.site, [KNOWN], kind="email")
    known = contact(desk, KNOWN)
    assert known is not None
    desk.public.post(f"/stop/{seal(desk.site.secret, STOP, known.id)}")
    assert KNOWN not in reached(desk, Category.LIFE)


def test_the_link_at_the_foot_of_a_mail_sends_the_real_one_to_its_owner(desk: Desk, office: PostOffice):
    known = contact(desk, KNOWN)
    assert known is not None
    foot = f"/change/{seal(desk.site.secret, CHANGE, known.id)}"
    page = desk.public.get(foot)
    assert page.status_code == 200 and KNOWN not in page.text
    assert office.post() == [], "opening it sends nothing"
    answer = desk.public.post(foot)
    assert answer.content == ask(desk, NEW).content
    assert KNOWN in {mail.recipient for mail in office.post()}
    assert desk.public.get(f"/change/{seal(desk.site.secret, STOP, known.id)}").status_code == 404


def test_unusually_many_who_leave_raise_an_alarm(desk: Desk, office: PostOffice):
    factories.add_people(desk.site, [f"many{n}@example.jp" for n in range(60)], kind="email")
    with reading(desk.site.engine) as session:
        rows = session.execute(select(ContactRow.id, ContactRow.address)).all()
    for number, address in rows:
        if address.startswith("many") and int(address[4:].partition("@")[0]) < 21:
            desk.public.post(f"/stop/{seal(desk.site.secret, STOP, number)}")
    with reading(desk.site.engine) as session:
        assert session.get(AlarmRow, "leaving") is not None


def test_letters_and_pages_speak_the_language_that_was_asked_in(desk: Desk, office: PostOffice):
    words = {"ja": "登録を完了", "ja-easy": "登録（とうろく）を", "en": "complete your registration"}
    button = {"ja": "同意して登録する", "ja-easy": "<rt>とうろく</rt>", "en": "Agree and register"}
    for language, title in words.items():
        ask(desk, f"{language}@example.jp", language)
        (mail,) = office.post()
        assert title in mail.parsed()["Subject"]
        assert button[language] in desk.public.get(office.link(mail)).text


def test_readings_can_be_switched_off(desk: Desk):
    assert "<rt>" in desk.public.get("/register?lang=ja-easy").text
    assert "<rt>" not in desk.public.get("/register?lang=ja-easy&ruby=0").text
    page = desk.public.get("/register?lang=ja-easy").text
    assert "<ruby>三条市<rp>" in page and "&lt;" not in page, "readings are readings, not their marks"
    title = page.partition("<title>")[2].partition("</title>")[0]
    assert title.endswith("三条市")
    assert "<rt>" not in desk.public.get("/register?lang=ja").text


def test_the_browser_chooses_the_first_language(desk: Desk):
    chosen = {
        "": "ja",
        "ja,en;q=0.8": "ja",
        "en-US,en;q=0.9": "en",
        "vi,en;q=0.5": "en",
        "vi": "en",
        "*": "ja",
    }
    for accepts, language in chosen.items():
        page = desk.public.get("/register", headers={"Accept-Language": accepts})
        assert f'<html lang="{language}">' in page.text, accepts
        assert page.headers["vary"] == "Accept-Language"


def test_the_page_names_what_must_pass_the_carriers_filter(desk: Desk, office: PostOffice):
    page = desk.public.get("/register?lang=ja").text
    assert "@sanjo.example.jp" in page and BLANK_MAIL in page


def test_every_page_is_small_and_needs_no_script(desk: Desk, office: PostOffice):
    ask(desk, KNOWN)
    css = desk.public.get("/static/public.css")
    for path in ("/", "/register?lang=ja-easy", office.link() + "?lang=ja-easy", "/stop/x"):
        page = desk.public.get(path)
        assert "<script" not in page.text and "set-cookie" not in page.headers
        assert len(page.content) + len(css.content) < 100_000


def test_letters_wait_for_a_relay_that_is_down(desk: Desk, office: PostOffice):
    office.relay.stop()
    ask(desk, NEW)
    for _ in range(30):
        assert office.post() == []
        desk.clock.advance(timedelta(seconds=20))
    with reading(desk.site.engine) as session:
        assert session.get(AlarmRow, "letters") is not None
    office.relay.start()
    desk.clock.advance(timedelta(seconds=20))
    assert [mail.recipient for mail in office.post()] == [NEW]
    with reading(desk.site.engine) as session:
        assert session.get(AlarmRow, "letters") is None


def test_an_alert_tells_how_to_change_and_to_leave(desk: Desk, office: PostOffice):
    assert Status.ACTUAL in desk.site.settings["letters"].carries
    ask(desk, NEW, "en")
    choose(desk, office.link(), language="en", category=["drill"])
    office.post()
    number = factories.submit(desk.site, channels=("letters",))
    factories.approve(desk.site, number)
    plan.plan(desk.site, number)
    drain(desk.site, "letters", threading.Event())
    mail = next(mail for mail in office.arrived() if mail.recipient == NEW)
    assert "配信の停止: http" in text_of(mail) and "登録内容の変更: http" in text_of(mail)
    stop = re.search(r"http://[^/]+(/stop/\S+)", text_of(mail))
    assert stop is not None and stop[1] in mail.parsed()["List-Unsubscribe"]
    assert desk.public.post(stop[1], data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert NEW not in reached(desk, Category.LIFE)
