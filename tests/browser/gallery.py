"""The gallery: a picture of every page of a running console, in Japanese and English, on a desktop and a phone.

    python -m tests.browser.gallery CONFIG FOLDER [--axe] [--only PART] [--language ja]

`CONFIG` is the configuration of an installation that runs, such as `var/demo/alertd.toml`
of `alertd demo`. The pages come out of the console's own registry of routes, filled with
the latest of what the database has. Says which pages are wider than the window and, with
`--axe`, what axe-core finds; exits 1 when there is anything. It adds an operator to the
database, so it is for installations that nobody needs.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from sqlalchemy import select

from alertd import config as configuration
from alertd import operators
from alertd.clock import SystemClock
from alertd.db import reading, writing
from alertd.dispatch import Role, State
from alertd.errors import NotFound
from alertd.site import Site
from alertd.tables import DeliveryRow, DispatchRow, InboxRow, MembershipRow, OccurrenceRow
from operator_console import drill_room, signed_in
from operator_console.admission import LANGUAGE_COOKIE, cookie_name
from operator_console.catalogue import LANGUAGES
from operator_console.routes import routes
from tests.browser.window import DESKTOP, PHONE
from tests.servers import find_chromium

#: who looks at the pages: somebody who may see all of them
NAME = "写真"
SIZES: dict[str, ViewportSize] = {"desktop": DESKTOP, "phone": PHONE}
#: no pages: files, events, and pieces of pages
_NO_PAGE = re.compile(r"\.(csv|pdf|json|zip|wav)$|/events$|/now$|^/static|^/under-way|^/drafts/kept")


def addresses(site: Site, role: Role | None = None) -> Iterator[str]:
    """The address of every page, with the latest of each kind of object; pages of what there is none of are left out.

    With `role`, only those that it may see.
    """
    with reading(site.engine) as session:
        latest = select(DispatchRow.id).order_by(DispatchRow.id.desc()).limit(1)
        through = session.scalar(latest.where(DispatchRow.planned_at.is_not(None), DispatchRow.stops == {}))
        waiting = session.scalar(latest.where(DispatchRow.state == State.SUBMITTED))
        cancelled = session.scalar(latest.where(DispatchRow.planned_at.is_not(None), DispatchRow.stops != {}))
        drill = session.scalar(select(OccurrenceRow.id).order_by(OccurrenceRow.id.desc()).limit(1))
        draft = session.scalar(select(InboxRow.id).order_by(InboxRow.id.desc()).limit(1))
        task = session.scalar(select(DeliveryRow.id).where(DeliveryRow.channel == "cars").limit(1))
        heard = session.scalar(
            select(DeliveryRow.recipient_id).where(DeliveryRow.dispatch_id == through).limit(1)
        )
        group = session.scalar(select(MembershipRow.group_name).limit(1))
    asked = {"/groups/members": f"?name={quote(group or '')}", "/alerts/new/{template}": "?status=Exercise"}
    for route in routes(site):
        if route.method != "GET" or _NO_PAGE.search(route.path):
            continue
        if role is not None and route.needs is not None and role not in route.needs:
            continue
        for number in (through, waiting, cancelled) if route.path == "/alerts/{number:int}" else (through,):
            parts = {
                "number": waiting if route.path.endswith("/approve") else number,
                "recipient": heard,
                "delivery": task,
                "template": "flood-4",
                "identifier": "flood-4",
                "channel": "phone",
            }
            if route.path.endswith("/go-on"):
                parts["number"] = cancelled
            if route.path.startswith("/drills/"):
                parts["number"] = drill
            if route.path.startswith("/drafts/"):
                parts["number"] = draft
            for how in ("update", "correction", "all-clear", "switch") if "{how}" in route.path else ("",):
                filled = _filled(route.path, parts | {"how": how})
                if filled is not None:
                    yield filled + asked.get(route.path, "")


def _filled(path: str, values: Mapping[str, object]) -> str | None:
    """The path with its holes filled; None = one of them is not known."""
    if any(values.get(name) is None for name in re.findall(r"\{(\w+)", path)):
        return None
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda hole: str(values[hole[1]]), path)


def visitor(site: Site, *, trainee: bool = False) -> str:
    """The cookie of a session of somebody who may see every page; a trainee's for the drill room."""
    name = f"{NAME} 訓練生" if trainee else NAME
    roles = [Role.TRAINEE] if trainee else [role for role in Role if role is not Role.TRAINEE]
    with writing(site.engine) as session:
        try:
            row = operators.by_name(session, name)
        except NotFound:
            password = secrets.token_urlsafe(12)
            operators.add(session, SystemClock(), name=name, password=password, roles=roles, by=NAME)
            row = operators.by_name(session, name)
        person = operators.person(row)
    return signed_in.begin(site, person)


def pictures(
    browser: Browser,
    site: Site,
    url: str,
    paths: Sequence[str],
    folder: Path,
    *,
    languages: Sequence[str],
    trainee: bool,
    axe: bool,
) -> list[str]:
    """Takes the pictures; returns what is wrong, in sentences."""
    wrong = []
    token = visitor(site, trainee=trainee)
    for language in languages:
        context = browser.new_context(base_url=url, viewport=DESKTOP)
        cookies = {cookie_name(site): token, LANGUAGE_COOKIE: language}
        context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        page = context.new_page()
        for path in paths:
            answer = page.goto(path, wait_until="domcontentloaded", timeout=90_000)
            said = f"{language} {path}"
            if answer is None or answer.status != 200:
                wrong.append(f"{said}: answers {answer.status if answer is not None else 'nothing'}")
            if axe:
                found = Axe().run(page)
                wrong += [f"{said}: {one['id']}: {one['help']}" for one in found.response["violations"]]
            for size, viewport in SIZES.items():
                name = re.sub(r"\W+", "-", path.partition("?")[0]).strip("-") or "alerts-list"
                wrong += _picture(page, folder / f"{name}.{language}.{size}.png", viewport, said)
        context.close()
    return wrong


def _picture(page: Page, file: Path, viewport: ViewportSize, said: str) -> list[str]:
    page.set_viewport_size(viewport)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.screenshot(path=file, full_page=True, animations="disabled", timeout=90_000)
    return [f"{said}: {wide} px too wide at {viewport['width']} px"] if wide > 0 else []


def main() -> int:
    """Takes them all."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("config", type=Path)
    words.add_argument("folder", type=Path)
    words.add_argument("--axe", action="store_true", help="let axe-core look at each page too")
    words.add_argument("--only", default="", help="pages whose address has this in it")
    words.add_argument("--language", choices=LANGUAGES, help="one language; default: all of them")
    words.add_argument("--chromium", default=find_chromium(), help="the browser; default: the installed one")
    told = words.parse_args()
    told.folder.mkdir(parents=True, exist_ok=True)
    site = Site.open(configuration.load(told.config))
    try:
        paths = [path for path in dict.fromkeys(addresses(site)) if told.only in path]
        with sync_playwright() as playwright:
            options = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = playwright.chromium.launch(executable_path=told.chromium, args=options)
            languages = [told.language] if told.language else list(LANGUAGES)
            wrong = pictures(
                browser,
                site,
                site.config.console_url,
                paths,
                told.folder,
                languages=languages,
                trainee=False,
                axe=told.axe,
            )
            if site.config.web.drill_port:
                room = drill_room.room(site)
                inside = [
                    path
                    for path in dict.fromkeys(addresses(site, Role.TRAINEE))
                    if told.only in path and drill_room.has_page(path)
                ]
                (told.folder / "drill-room").mkdir(exist_ok=True)
                wrong += pictures(
                    browser,
                    room,
                    room.config.console_url,
                    inside,
                    told.folder / "drill-room",
                    languages=languages,
                    trainee=True,
                    axe=told.axe,
                )
            browser.close()
    finally:
        site.close()
    sys.stdout.write("\n".join([*wrong, f"{len(paths)} pages, {len(wrong)} faults", ""]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
