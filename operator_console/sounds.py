"""Sounds: the archived speech of alerts, by digest."""

from __future__ import annotations

import re

from fastapi import Response
from fastapi.responses import FileResponse, PlainTextResponse

from alertd.artefact import archived
from alertd.site import Site

_TYPES = {".wav": "audio/wav", ".mp3": "audio/mpeg"}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def sound(site: Site, digest: str, *, cache: str) -> Response:
    """The sound file of that digest, whole or in ranges; 404 for anything else."""
    if not _DIGEST.fullmatch(digest):
        return PlainTextResponse("Not found.", 404)
    path = archived(site.config.storage / "audio", digest)
    if path is None:
        return PlainTextResponse("Not found.", 404)
    return FileResponse(path, media_type=_TYPES[path.suffix], headers={"Cache-Control": cache})
