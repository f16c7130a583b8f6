"""The simulated telephone network's own requests: TwiML, sounds and status callbacks, signed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping

import aiohttp

from alertd.clock import Clock
from alertd.demo.telephone_call import Call
from alertd.demo.telephone_faults import Faults
from alertd.demo.telephone_ledger import Ledger
from alertd.demo.telephone_twiml import WrongDocument, digest_of, seconds_of

AGENT = "alertd-simulated-telephone-network"
#: Twilio's limits for a webhook: 5 s to connect, 15 s in all.
_PATIENCE = aiohttp.ClientTimeout(total=15, connect=5)
#: The CallStatus of each event.
_STATE_OF = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 over the URL and the sorted fields, base64.

    Source: Twilio, "Webhooks security", Validating signatures.
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Callbacks:
    """Posts and fetches. Lives in one event loop, until `close`."""

    def __init__(
        self, account_sid: str, token: str, faults: Faults, ledger: Ledger, clock: Clock, speed: float
    ) -> None:
        self.ledger, self.speed = ledger, speed
        self._account_sid, self._token = account_sid, token
        self._faults, self._clock = faults, clock
        self._sounds: dict[str, tuple[str, float]] = {}
        self._session = aiohttp.ClientSession(
            timeout=_PATIENCE,
            connector=aiohttp.TCPConnector(limit=64),
            headers={"User-Agent": AGENT},
            trust_env=False,
        )

    async def close(self) -> None:
        """Lets go of every connection."""
        await self._session.close()

    async def document(self, call: Call, url: str, extra: Mapping[str, str]) -> bytes:
        """Post for TwiML as Twilio does; a broken connection is tried once more."""
        form = {**self._form(call, call.state), **extra}
        for attempt in (1, 2):
            try:
                status, body = await self._post(url, form)
            except aiohttp.ClientConnectionError as error:
                if attempt == 2:
                    raise WrongDocument(f"no way to our server: {type(error).__name__}") from error
            except TimeoutError as error:
                raise WrongDocument("no reply in time") from error
            else:
                break
        if status >= 400:
            raise WrongDocument(f"HTTP {status}")
        return body

    async def sound(self, url: str) -> tuple[str, float]:
        """Download a WAV file; one that may be kept (Cache-Control) is downloaded once."""
        if url in self._sounds:
            return self._sounds[url]
        try:
            async with self._session.get(url) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise WrongDocument(f"sound not fetched: {type(error).__name__}") from error
        if response.status != 200:
            raise WrongDocument(f"sound not fetched: HTTP {response.status}")
        sound = digest_of(body), seconds_of(body)
        if "max-age" in response.headers.get("Cache-Control", ""):
            self._sounds[url] = sound
        return sound

    def report(self, call: Call, event: str) -> None:
        """Post a status callback, subject to the faults, after those before it."""
        url = call.wishes.get("StatusCallback")
        if not url or event not in call.events:
            return
        form = self._form(call, _STATE_OF.get(event, call.state)) | {
            "CallbackSource": "call-progress-events",
            "Timestamp": self._clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000"),
            "SequenceNumber": str(call.sequence),
        }
        call.sequence += 1
        if event == "completed":
            form["SipResponseCode"] = call.sip
            form["CallDuration"] = str(call.duration or 0)
            form["Duration"] = str(-(-(call.duration or 0) // 60))
        dice, faults = call.dice, self._faults
        if dice.falls(faults.callback_forged):
            false = form | {"CallStatus": "failed", "SipResponseCode": "404"}
            call.reports.append(asyncio.create_task(self._deliver(url, false, "not-the-token", 0.0, None)))
        if dice.falls(faults.callback_dropped):
            self.ledger.record("callback dropped", sid=call.sid, state=form["CallStatus"])
            return
        late = dice.falls(faults.callback_late)
        for _ in range(3 if dice.falls(faults.callback_repeated) else 1):
            wait = dice.up_to(faults.callback_late_by) if late else 0.0
            before = call.reports[-1] if call.reports and not late else None
            call.reports.append(asyncio.create_task(self._deliver(url, form, self._token, wait, before)))

    async def _deliver(
        self,
        url: str,
        form: Mapping[str, str],
        token: str,
        wait: float,
        before: asyncio.Task[None] | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        await asyncio.sleep(wait)
        for _ in range(2):
            try:
                status, _ = await self._post(url, form, token)
            except (aiohttp.ClientConnectionError, TimeoutError):
                status = 0
            else:
                break
        self.ledger.record(
            "callback",
            sid=form["CallSid"],
            state=form["CallStatus"],
            status=status,
            genuine=token == self._token,
        )

    async def _post(self, url: str, form: Mapping[str, str], token: str | None = None) -> tuple[int, bytes]:
        headers = {"X-Twilio-Signature": signature(token or self._token, url, form)}
        async with self._session.post(url, data=form, headers=headers, allow_redirects=False) as response:
            return response.status, await response.read()

    def _form(self, call: Call, state: str) -> dict[str, str]:
        form = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": call.sid,
            "CallStatus": state,
            "Called": call.to,
            "Caller": call.from_,
            "Direction": "inbound" if call.inbound else "outbound-api",
            "From": call.from_,
            "To": call.to,
        }
        return form | {"AnsweredBy": call.answered_by} if call.answered_by else form
