"""One account at Twilio or a compatible server, over the official SDK and a transport of our own.

The SDK's own transport is not used: it keeps the last response on itself, so that two
threads can be given each other's call (9.13), and it logs numbers at INFO. Ours also
tells a request that surely never arrived (NotSent) from one that may have (NoReply),
which a POST, not being idempotent, needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError, SSLError

from alertd.channel import Outcome, Reason
from alertd.errors import ChannelBusy, ChannelError, ChannelMisconfigured, ChannelUnavailable
from channels.twilio_settings import TwilioSettings

#: Errors about the number called: https://www.twilio.com/docs/api/errors
_BAD_NUMBER = frozenset({13224, 21211, 21214, 21217, 21264})
#: Errors that the account may not call this number.
_NOT_ALLOWED = frozenset({21215, 21216, 21219})
#: Errors that a person must mend: caller id, URL, account.
_MISCONFIGURED = frozenset({20003, 20404, 21205, 21210, 21212, 21213})
#: Too fast, or too many lines in use: surely not created.
_TOO_FAST = frozenset({10004, 20429})


class NotSent(ChannelUnavailable):
    """The request surely never arrived."""


class NoReply(ChannelUnavailable):
    """The request may have arrived; its reply did not."""


class Refusal(Exception):
    """The far end said no to this one call."""

    def __init__(self, outcome: Outcome, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.outcome, self.reason, self.detail = outcome, reason, detail


class TwilioAccount:
    """What calls and messages of one account share; safe from several threads. Lives until `close`."""

    def __init__(self, settings: TwilioSettings, *, connections: int) -> None:
        self._sid = settings.account_sid
        self._transport = _Transport(settings.timeout, connections, settings.proxy)
        self.client = Client(
            settings.account_sid,
            settings.auth_token.get_secret_value(),
            edge=settings.edge,
            region=settings.region,
            http_client=self._transport,
            # an empty mapping would make the SDK read TWILIO_EDGE and others from os.environ
            environment={"TWILIO_EDGE": "", "TWILIO_REGION": ""},
        )
        if settings.api_url:
            self.client.api.base_url = settings.api_url.rstrip("/")

    def name_and_state(self) -> tuple[str, str]:
        """Of the account; `active` is the state in which it can call and write."""
        with asking("an account"):
            account = self.client.api.v2010.accounts(self._sid).fetch()
        return str(account.friendly_name), str(account.status)

    def close(self) -> None:
        """Lets go of every connection; may be called twice."""
        self._transport.close()


@contextmanager
def creating(expected: str) -> Iterator[None]:
    """Around a request that creates something.

    Raises NotSent, NoReply (it may have been created), ChannelBusy, Refusal or
    ChannelMisconfigured. `expected` is what the reply should be, for people.
    """
    try:
        yield
    except TwilioException as error:
        raise _told(error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoReply(f"the telephone network answered with something else than {expected}") from error


@contextmanager
def asking(expected: str) -> Iterator[None]:
    """Around a question, which may be asked again. Raises ChannelUnavailable or ChannelMisconfigured."""
    try:
        yield
    except TwilioException as error:
        raise _unanswered(error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NoReply(f"the telephone network answered with something else than {expected}") from error


class _Transport:
    """HTTP for the SDK: no retries, no redirects, no shared state between threads."""

    is_async = False

    def __init__(self, timeout: float, connections: int, proxy: str | None) -> None:
        options: dict[str, Any] = {
            "maxsize": connections,
            "timeout": urllib3.Timeout(connect=min(10.0, timeout), read=timeout),
            "retries": False,
        }
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request. Raises NotSent, NoReply, ChannelBusy or ChannelMisconfigured.

        Too fast was never carried out (https://www.twilio.com/docs/api/errors/20429).
        """
        del timeout, allow_redirects
        if params:
            url += "?" + urlencode(params, doseq=True)
        sent = dict(headers or {})
        if auth:
            sent |= urllib3.make_headers(basic_auth=":".join(auth))
        body = urlencode(data, doseq=True) if data else None
        try:
            reply = self._pool.request(method, url, body=body, headers=sent, redirect=False)
        except (NewConnectionError, ConnectTimeoutError, ProxyError) as error:
            raise NotSent("no way to the telephone network") from error
        except SSLError as error:
            if "CERTIFICATE" in str(error):
                raise ChannelMisconfigured(
                    "the telephone network's certificate is not trusted; check api_url and the clock"
                ) from error
            raise NoReply("the telephone network broke the encryption off") from error
        except HTTPError as error:
            raise NoReply("the telephone network did not reply in time") from error
        if reply.status == 429 and (seconds := _seconds(reply.headers.get("Retry-After", ""))) is not None:
            raise ChannelBusy("the telephone network asks us to wait", seconds)
        return Response(reply.status, reply.data.decode("utf-8", "replace"), dict(reply.headers))

    def close(self) -> None:
        self._pool.clear()


def _seconds(retry_after: str) -> float | None:
    """Of a Retry-After header (RFC 9110, 10.2.3), which gives seconds or a date; None = it says nothing."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:6])
    return None


def _told(error: TwilioException) -> Exception:
    """What the far end's error means for a call that was to be created."""
    status, code = int(getattr(error, "status", 0)), int(getattr(error, "code", 0) or 0)
    detail = f"HTTP {status}, error {code}"
    if status >= 500 or status == 408:
        # https://www.twilio.com/docs/api/errors/20500: a POST that failed may have been carried out
        return NoReply(detail)
    if status == 429 or code in _TOO_FAST:
        return Refusal(Outcome.DEFERRED, Reason.RATE_LIMITED, detail)
    if code in _BAD_NUMBER:
        return Refusal(Outcome.FAILED, Reason.BAD_ADDRESS, detail)
    if code in _NOT_ALLOWED:
        return Refusal(Outcome.FAILED, Reason.REFUSED, detail)
    if status in (401, 403, 404) or status < 400 or code in _MISCONFIGURED:
        return ChannelMisconfigured(f"the telephone network refuses us ({detail}); {_remedy(status, code)}")
    return Refusal(Outcome.DEFERRED, Reason.OTHER, detail)


def _unanswered(error: TwilioException) -> ChannelError:
    """The same for a question, which may be asked again."""
    told = _told(error)
    if isinstance(told, ChannelMisconfigured):
        return told
    return ChannelUnavailable("the telephone network does not answer questions now")


def _remedy(status: int, code: int) -> str:
    if code in (21210, 21212, 21213):
        return "check caller_id: it must be a number of this account"
    if code == 21205:
        return "check the public URL of this server"
    if status in (401, 403) or code == 20003:
        return "check account_sid and auth_token_file"
    return "check account_sid and api_url"
