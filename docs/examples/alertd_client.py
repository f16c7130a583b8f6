"""A client of alertd's API in one file: Python 3.11 and nothing else.

Example::

    api = Client("https://alerts.example.jp", token="alertd_…")
    number = api.submit("flood-4", {"river": "五十嵐川"}, areas=["RNN"], status="Exercise")
    print(api.alert(number)["state"])
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import Any


class ApiError(Exception):
    """The API refused; `problem` is its problem document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        found = [f"{one['field']}: {one['message']}" for one in problem.get("problems", [])]
        super().__init__("; ".join(found) or str(problem.get("detail", status)))


class Client:
    """One installation and one token. Safe to use again after any error."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 30.0, attempts: int = 4) -> None:
        self._base = base_url.rstrip("/") + "/api"
        self._token = token
        self._timeout = timeout
        self._attempts = attempts

    def alerts(self, limit: int = 50) -> list[dict[str, Any]]:
        """The latest alerts, newest first."""
        found: list[dict[str, Any]] = self._call("GET", f"/alerts?limit={limit}")["alerts"]
        return found

    def alert(self, number: int) -> dict[str, Any]:
        """One alert and what became of it."""
        found: dict[str, Any] = self._call("GET", f"/alerts/{number}")
        return found

    def in_force(self) -> list[dict[str, Any]]:
        """The city's orders that hold now."""
        found: list[dict[str, Any]] = self._call("GET", "/in-force")
        return found

    def submit(
        self,
        template: str,
        values: Mapping[str, str],
        *,
        areas: Sequence[str] = (),
        groups: Sequence[str] = (),
        everybody: bool = False,
        channels: Sequence[str] = (),
        status: str = "Exercise",
        hours: float = 6.0,
        key: str | None = None,
    ) -> int:
        """Submits an alert; a person of the city approves it. Returns its number.

        A reply that is lost is asked for again with the same key, so nothing is
        submitted twice. Give `key` to carry on after a restart of your own program.
        """
        body = {
            "template": template,
            "values": dict(values),
            "areas": list(areas),
            "groups": list(groups),
            "everybody": everybody,
            "channels": list(channels),
            "status": status,
            "hours": hours,
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or uuid.uuid4().hex}
        answer = self._call("POST", "/alerts", json.dumps(body).encode(), headers)
        return int(answer["id"])

    def draft(self, document: bytes) -> dict[str, Any]:
        """Hands in a CAP document or a telegram of JMA; the same one twice is one draft."""
        found: dict[str, Any] = self._call(
            "POST", "/drafts", document, {"Content-Type": "application/cap+xml"}
        )
        return found

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        for attempt in range(1, self._attempts + 1):
            request = urllib.request.Request(self._base + path, body, dict(headers or {}), method=method)
            request.add_header("Authorization", f"Bearer {self._token}")
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    problem = _problem(error)
                if error.code < 500 or attempt == self._attempts:
                    raise ApiError(error.code, problem) from None
            except OSError:
                if attempt == self._attempts:
                    raise
            time.sleep(2.0 ** (attempt - 1))
        raise AssertionError("not reached")


def _problem(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.load(error)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
