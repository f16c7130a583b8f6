"""Sounds: the archived speech of alerts, by digest."""

from __future__ import annotations

import re

from fastapi import Response
from fastapi.responses import FileResponse, PlainTextResponse

from alertd.artefact import archive_path
from alertd.site import Site

_DIGEST = re.compile(r"[0-9a-f]{64}")


def sound(site: Site, digest: str, *, cache: str) -> Response:
    """The sound file of that digest, whole or in ranges; 404 for anything else."""
    if not _DIGEST.fullmatch(digest):
        return PlainTextResponse("Not found.", 404)
    path = archive_path(site.config.storage / "audio", digest)
    if not path.is_file():
        return PlainTextResponse("Not found.", 404)
    return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": cache})
