"""The assets: style sheet, picture and scripts, served by ourselves; no page loads anything from elsewhere.

htmx and its extension for server-sent events come out of the installed django-htmx
package, which is looked up and never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import Response
from fastapi.responses import PlainTextResponse

_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
#: our name -> the place in django-htmx
_HTMX = {"htmx.js": "htmx-2.min.js", "htmx-sse.js": "ext/hx-sse-2.min.js"}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file with its type and the digest that tells its versions apart."""

    content: bytes
    content_type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """Every asset by name."""
    found = {
        file.name: file.read_bytes()
        for file in files("operator_console").joinpath("static").iterdir()
        if file.name.rpartition(".")[2] in _TYPES
    }
    package = importlib.util.find_spec("django_htmx")
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "static" / "django_htmx"
        found |= {name: (folder / place).read_bytes() for name, place in _HTMX.items()}
    return {
        name: Asset(content, _TYPES[name.rpartition(".")[2]], hashlib.sha256(content).hexdigest()[:16])
        for name, content in found.items()
    }


def asset_url(name: str) -> str:
    """Where an asset is; the address changes with its content."""
    return f"/static/{name}?{assets()[name].digest}"


def asset(name: str) -> Response:
    """GET /static/NAME"""
    found = assets().get(name)
    if found is None:
        return PlainTextResponse("Not found.", 404)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.content, media_type=found.content_type, headers=kept)
