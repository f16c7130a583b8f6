"""The REST API of the simulated telephone network: requests in, Twilio-shaped replies out.

Source: Twilio's OpenAPI description of API 2010-04-01, resources Account and Call; error
codes as at https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from alertd.demo.telephone_call import ENDED, Call
from alertd.demo.telephone_callbacks import AGENT
from alertd.demo.telephone_faults import Dice, Faults
from alertd.demo.telephone_household import Household, Line
from alertd.demo.telephone_ledger import Ledger

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_URL = re.compile(r"https?://[^\s/]+\S*")
_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
_ROOT = "/2010-04-01/Accounts/{account}"
_JSON = r"{json:(\.json)?}"


class Network(Protocol):
    """What the API needs of the network."""

    account_sid: str
    auth_token: str
    faults: Faults
    ledger: Ledger
    callers: frozenset[str] | None

    def household(self, number: str) -> Household: ...
    def dice(self, number: str) -> Dice: ...
    def place(self, wishes: Mapping[str, str], events: tuple[str, ...], dice: Dice) -> Call: ...
    def calls(self, number: str | None = None) -> list[Call]: ...
    def call(self, sid: str) -> Call | None: ...
    def begin_call_in(self, number: str, url: str, *, to: str) -> Call: ...
    def stop_call(self, call: Call, state: str) -> None: ...
    def outcomes(self) -> Mapping[str, object]: ...


class RestError(Exception):
    """An error reply of the API."""

    def __init__(self, status: int, code: int, message: str, *, come_again: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {"Retry-After": str(round(come_again))} if come_again else {}
        self.body = {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        }


def application(network: Network) -> web.Application:
    """The routes, all behind the account's token."""
    api = _Api(network)
    app = web.Application(middlewares=[api.guard])
    app.add_routes(
        [
            web.post(f"{_ROOT}/Calls{_JSON}", api.create),
            web.get(f"{_ROOT}/Calls{_JSON}", api.list),
            web.get(f"{_ROOT}/Calls/{{sid:CA[0-9a-f]{{32}}}}{_JSON}", api.fetch),
            web.post(f"{_ROOT}/Calls/{{sid:CA[0-9a-f]{{32}}}}{_JSON}", api.update),
            web.get(f"{_ROOT}.json", api.account),
            web.get("/simulation/outcomes", api.outcomes),
            web.post("/simulation/calls", api.call_in),
        ]
    )
    return app


class _Api:
    """The handlers of one network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check account and token; give errors Twilio's shape."""
        network = self._network
        expected = base64.b64encode(f"{network.account_sid}:{network.auth_token}".encode()).decode()
        try:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Basic {expected}".encode()):
                raise RestError(401, 20003, "Authenticate")
            if request.match_info.get("account", network.account_sid) != network.account_sid:
                raise RestError(404, 20404, "The requested resource was not found")
            response = await handler(request)
        except RestError as error:
            network.ledger.record("refused", status=error.status, code=error.body["code"])
            response = web.json_response(error.body, status=error.status, headers=error.headers)
        except web.HTTPNotFound:
            response = web.json_response(RestError(404, 20404, "Not found").body, status=404)
        response.headers["Server"] = AGENT
        return response

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Place a call, unless a fault has it otherwise."""
        network, faults = self._network, self._network.faults
        fields = await request.post()
        wishes = {name: str(value) for name, value in reversed(list(fields.items()))}
        events = tuple(str(event) for event in fields.getall("StatusCallbackEvent", ()))
        dice = network.dice(wishes.get("To", ""))
        if dice.falls(faults.too_many):
            raise RestError(429, 20429, "Too Many Requests", come_again=faults.too_many_for)
        if dice.falls(faults.error_before):
            raise RestError(500, 20500, "Internal Server Error")
        self._check(wishes, events)
        call = network.place(wishes, events or ("completed",), dice)
        if dice.falls(faults.error_after):
            raise RestError(500, 20500, "Internal Server Error")
        if dice.falls(faults.reply_lost) and request.transport is not None:
            request.transport.abort()
        if dice.falls(faults.reply_late):
            await asyncio.sleep(faults.reply_late_by)
        return web.json_response(_resource(call, network.account_sid), status=201)

    async def fetch(self, request: web.Request) -> web.Response:
        """One call as it is now."""
        return web.json_response(_resource(self._found(request), self._network.account_sid))

    async def update(self, request: web.Request) -> web.Response:
        """Cancel a call that has not been answered, or end any."""
        call, fields = self._found(request), await request.post()
        state = fields.get("Status")
        if state not in ("canceled", "completed"):
            raise RestError(400, 21218, "Invalid ApplicationSid, Url or Status")
        if call.state in ENDED or (state == "canceled" and call.state == "in-progress"):
            raise RestError(400, 21220, "Call is not in-progress. Cannot redirect.")
        self._network.stop_call(call, str(state))
        return web.json_response(_resource(call, self._network.account_sid))

    async def list(self, request: web.Request) -> web.Response:
        """Calls, newest first, by To, From and Status, page by page."""
        query = request.query
        size = min(1000, max(1, int(query.get("PageSize", "50"))))
        page = max(0, int(query.get("Page", "0")))
        calls = [
            call
            for call in reversed(self._network.calls(query.get("To")))
            if query.get("From", call.from_) == call.from_ and query.get("Status", call.state) == call.state
        ]
        shown = calls[page * size : (page + 1) * size]

        def link(number: int) -> str:
            return str(request.rel_url.update_query({"PageSize": str(size), "Page": str(number)}))

        return web.json_response(
            {
                "calls": [_resource(call, self._network.account_sid) for call in shown],
                "page": page,
                "page_size": size,
                "start": page * size,
                "end": page * size + max(0, len(shown) - 1),
                "uri": str(request.rel_url),
                "first_page_uri": link(0),
                "next_page_uri": link(page + 1) if (page + 1) * size < len(calls) else None,
                "previous_page_uri": link(page - 1) if page else None,
            }
        )

    async def account(self, request: web.Request) -> web.Response:
        """The one account there is."""
        sid = self._network.account_sid
        return web.json_response(
            {
                "sid": sid,
                "friendly_name": "Simulated telephone network",
                "status": "active",
                "type": "Full",
                "uri": f"/2010-04-01/Accounts/{sid}.json",
            }
        )

    async def outcomes(self, request: web.Request) -> web.Response:
        """Not of Twilio: the ground truth by number."""
        truth = {
            number: dataclasses.asdict(outcome)  # type: ignore[call-overload]
            for number, outcome in self._network.outcomes().items()
        }
        return web.json_response(truth)

    async def call_in(self, request: web.Request) -> web.Response:
        """Not of Twilio: a resident (From) calls our number (To), whose voice URL is Url."""
        fields = await request.post()
        call = self._network.begin_call_in(str(fields["From"]), str(fields["Url"]), to=str(fields["To"]))
        return web.json_response({"sid": call.sid}, status=201)

    def _found(self, request: web.Request) -> Call:
        call = self._network.call(request.match_info["sid"])
        if call is None:
            raise RestError(404, 20404, "The requested resource was not found")
        return call

    def _check(self, wishes: Mapping[str, str], events: tuple[str, ...]) -> None:
        """Refuse what Twilio refuses."""
        number, caller = wishes.get("To", ""), wishes.get("From", "")
        if not number:
            raise RestError(400, 21201, "No 'To' number is specified")
        if not caller:
            raise RestError(400, 21213, "No 'From' number is specified")
        if not _E164.fullmatch(number):
            raise RestError(
                400, 21211, f"The phone number you are attempting to call, {number}, is not valid."
            )
        if self._network.callers is not None and caller not in self._network.callers:
            raise RestError(400, 21210, f"The source phone number provided, {caller}, is not yet verified.")
        if self._network.household(number).line is Line.IMPOSSIBLE:
            raise RestError(400, 21217, f"Phone number {number} does not appear to be valid.")
        for name in ("Url", "FallbackUrl", "StatusCallback"):
            if (name == "Url" or name in wishes) and not _URL.fullmatch(wishes.get(name, "")):
                raise RestError(400, 21205, f"{name} is not a valid URL")
        if not set(events) <= _EVENTS:
            raise RestError(400, 21626, "Invalid StatusCallbackEvents")
        for name, most in (("Timeout", 600), ("TimeLimit", 14400)):
            given = wishes.get(name, "1")
            if not given.isdecimal() or not 1 <= int(given) <= most:
                raise RestError(400, 20001, f"Invalid {name}")


def _resource(call: Call, account_sid: str) -> dict[str, object]:
    """The Call resource as JSON."""
    uri = f"/2010-04-01/Accounts/{account_sid}/Calls/{call.sid}.json"
    return {
        "sid": call.sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "status": call.state,
        "direction": "outbound-api",
        "answered_by": call.answered_by or None,
        "date_created": _rfc2822(call.created_at),
        "date_updated": _rfc2822(call.created_at),
        "start_time": None if call.state == "queued" else _rfc2822(call.created_at),
        "end_time": _rfc2822(call.created_at) if call.state in ENDED else None,
        "duration": None if call.duration is None else str(call.duration),
        "queue_time": str(call.queue_ms),
        "price": None,
        "price_unit": "JPY",
        "parent_call_sid": None,
        "phone_number_sid": None,
        "group_sid": None,
        "caller_name": None,
        "forwarded_from": None,
        "trunk_sid": None,
        "uri": uri,
        "subresource_uris": {},
    }


def _rfc2822(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")
