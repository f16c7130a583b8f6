"""Registering by the public page: ask for a link, open it, choose, leave. GET never changes anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from alertd import address, people, postman, subscribe
from alertd.category import EVERYTHING, Category
from alertd.db import reading
from alertd.errors import NotFound, WrongInput, WrongRecipients
from alertd.messages import CHANGE, STOP
from alertd.site import Site
from alertd.store import subscriptions
from alertd.subscribe import Done, LinkGone, TooMany
from alertd.subscription import Cause, Choice, How, network_of
from alertd.tables import ContactRow
from alertd.token import unseal
from operator_console.catalogue import mark
from operator_console.public_page import LANGUAGES, Reader, public_page, reader_of, say

#: what a subscriber agrees to; its digest is kept with the opt-in
TERMS = (
    mark("Your address is used for these mails only and is given to nobody else."),
    mark("The mails are free; your carrier may charge you for receiving them."),
    mark("Mail can be late or lost. Please follow television, radio and loudspeakers too."),
    mark("An address to which mail fails again and again is taken off the list."),
)
#: the field that stands for all areas
WHOLE_CITY = "*"

_Form = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Contact:
    """Whom a link at the foot of a mail names."""

    number: int
    kind: str
    address: str
    language: str


class Registration:
    """The pages of registering of one installation."""

    def __init__(self, site: Site) -> None:
        self._site = site

    # asking for a link

    def ask_page(self, reader: Reader) -> Response:
        """GET /register: the same for every reader of one kind."""
        return self._ask_page(reader)

    async def ask(self, request: Request) -> Response:
        """POST /register: the same answer for every address, known or not."""
        form, reader = await _form(request), reader_of(request)
        typed = form.get("address", [""])[-1]
        try:
            checked = address.email(typed)
        except WrongRecipients:
            return self._ask_page(reader, typed=typed, status=422)
        return await run_in_threadpool(self._ask, request, reader, checked)

    def _ask(self, request: Request, reader: Reader, checked: str) -> Response:
        network = network_of(client_of(request, self._site.config.subscribe.proxies))
        try:
            subscribe.ask(self._site, checked, language=reader.language, how=How.PAGE, network=network)
        except TooMany:
            return public_page(self._site, reader, "public/busy.html", status=429)
        return public_page(self._site, reader, "public/sent.html", mail=self._mail())

    def _ask_page(self, reader: Reader, *, typed: str = "", status: int = 200) -> Response:
        blank_mail = self._site.config.inbox.blank_mail
        return public_page(
            self._site,
            reader,
            "public/register.html",
            status=status,
            typed=typed,
            blank_mail=blank_mail[0] if blank_mail else None,
            terms=TERMS,
            mail=self._mail(),
        )

    def _mail(self) -> Mapping[str, str]:
        """What people must let through their carrier's filter."""
        try:
            sender = postman.writes_from(self._site)
        except NotFound:
            sender = self._site.config.city.sender
        return {
            "domain": sender.rpartition("@")[2],
            "hours": f"{self._site.config.subscribe.link_hours:g}",
        }

    # the links at the foot of every mail

    def change_page(self, token: str, request: Request) -> Response:
        """GET /change/TOKEN: a button only; a mail may have been passed on, so the link goes to its owner."""
        contact = self._contact(CHANGE, token)
        if contact is None or contact.kind != subscriptions.KIND:
            return public_page(self._site, reader_of(request), "public/unknown.html", status=404)
        return public_page(self._site, reader_of(request, contact.language), "public/change.html")

    def change(self, token: str, request: Request) -> Response:
        """POST /change/TOKEN: sends a link to the address that the mail went to."""
        contact = self._contact(CHANGE, token)
        if contact is None or contact.kind != subscriptions.KIND:
            return public_page(self._site, reader_of(request), "public/unknown.html", status=404)
        return self._ask(request, reader_of(request, contact.language), contact.address)

    def stop_page(self, token: str, request: Request) -> Response:
        """GET /stop/TOKEN: a button only, because mail scanners open every link."""
        contact = self._contact(STOP, token)
        if contact is None:
            return public_page(self._site, reader_of(request), "public/unknown.html", status=404)
        return public_page(self._site, reader_of(request, contact.language), "public/stop.html")

    def stop(self, token: str, request: Request) -> Response:
        """POST /stop/TOKEN: leaves the list at once (RFC 8058, section 3.2). Twice is harmless."""
        contact = self._contact(STOP, token)
        if contact is None:
            return public_page(self._site, reader_of(request), "public/unknown.html", status=404)
        subscribe.leave(self._site, contact.number, Cause.LINK)
        return public_page(self._site, reader_of(request, contact.language), "public/stopped.html")

    def _contact(self, purpose: str, token: str) -> _Contact | None:
        number = unseal(self._site.secret, purpose, token)
        if number is None:
            return None
        with reading(self._site.engine) as session:
            row = session.get(ContactRow, number)
            if row is None:
                return None
            return _Contact(number, row.kind, row.address, subscriptions.language_of(session, row))

    # the link in a letter

    def choose_page(self, token: str, request: Request) -> Response:
        """GET /r/TOKEN: what can be chosen, or what was chosen."""
        try:
            opened = subscribe.opened(self._site, token)
        except LinkGone:
            return self._gone(reader_of(request))
        return self._choose_page(reader_of(request, opened.language), opened)

    async def choose(self, token: str, request: Request) -> Response:
        """POST /r/TOKEN: registers, changes, or leaves; the link ends with it."""
        form = await _form(request)
        return await run_in_threadpool(self._choose, token, request, form)

    def _choose(self, token: str, request: Request, form: _Form) -> Response:
        reader = reader_of(request, form.get("language", [""])[-1])
        try:
            subscribe.opened(self._site, token)  # a made-up link never keeps others from writing
            if "leave" in form:
                subscribe.leave_by_link(self._site, token)
                return public_page(self._site, reader, "public/stopped.html")
            choice = self._read(form, reader)
            done = subscribe.confirm(self._site, token, choice, text_version=text_version(reader))
        except LinkGone:
            return self._gone(reader)
        except WrongInput:
            try:
                opened = subscribe.opened(self._site, token)
            except LinkGone:
                return self._gone(reader)
            return self._choose_page(reader, opened, typed=self._read(form, reader), status=422)
        return public_page(self._site, reader, "public/done.html", new=done is Done.REGISTERED)

    def _read(self, form: _Form, reader: Reader) -> Choice:
        areas = form.get("area", [])
        if WHOLE_CITY in areas:
            with reading(self._site.engine) as session:
                areas = [row.code for row in people.areas(session)]
        language = form.get("language", [""])[-1]
        chosen = set(form.get("category", []))
        return Choice(
            language=language if language in LANGUAGES else reader.language,
            areas=tuple(dict.fromkeys(areas)),
            categories=tuple(one for one in Category if one is Category.LIFE or one in chosen),
        )

    def _choose_page(
        self, reader: Reader, opened: subscribe.Opened, *, typed: Choice | None = None, status: int = 200
    ) -> Response:
        with reading(self._site.engine) as session:
            areas = people.areas(session)
        known = opened.choice
        shown = typed or known or Choice(language=reader.language, areas=(), categories=EVERYTHING)
        whole = len(areas) > 1 and len(shown.areas) == len(areas)
        return public_page(
            self._site,
            reader,
            "public/choose.html",
            status=status,
            areas=areas,
            shown=shown,
            whole=whole,
            registered=known is not None,
            problem=status == 422,
            terms=TERMS,
            categories=tuple(Category),
            always=Category.LIFE,
        )

    def _gone(self, reader: Reader) -> Response:
        return public_page(self._site, reader, "public/gone.html", status=410)


def text_version(reader: Reader) -> str:
    """Which terms a reader was shown: language and digest."""
    shown = "\n".join(say(reader, line) for line in TERMS)
    return f"{reader.language}:{hashlib.sha256(shown.encode()).hexdigest()[:16]}"


async def _form(request: Request) -> _Form:
    body = await request.body()
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=200)


def client_of(request: Request, proxies: tuple[str, ...]) -> str:
    """The other end: the connection's, or what the nearest of our own proxies says of it."""
    client = request.client.host if request.client else ""
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    while client in proxies and hops:
        client = hops.pop()
    return client
