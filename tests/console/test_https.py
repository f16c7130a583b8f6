"""Behind https: the cookie goes no other way, and a browser comes back by it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from httpx import ASGITransport, AsyncClient, Response

from operator_console.app import console_app
from tests.console.desk import PASSWORD, Desk
from tests.factories import WRITER

URL = "https://console.example.jp"


def test_behind_https_nothing_goes_by_another_way(desk: Desk) -> None:
    web = desk.site.config.web.model_copy(update={"url": URL})
    app = console_app(desk.site.under(replace(desk.site.config, web=web)))

    async def sign_in() -> Response:
        async with AsyncClient(
            transport=ASGITransport(app), base_url=URL, headers={"Origin": URL}
        ) as browser:
            return await browser.post("/sign-in", data={"name": WRITER.name, "password": PASSWORD})

    answer = asyncio.run(sign_in())
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-alertd=") and "; Secure" in cookie and "Domain" not in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "strict-transport-security" not in desk.browser().get("/sign-in").headers
