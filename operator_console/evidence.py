"""Evidence on screen and as an archive: what was said over each channel, its hashes, and who let it go out."""

from __future__ import annotations

from fastapi import Response

from alertd import evidence
from alertd.db import reading
from alertd.language import reading_order
from operator_console import download
from operator_console.chronicle import said, what
from operator_console.page import channel_names, page
from operator_console.reach import elsewhere
from operator_console.stored import stored
from operator_console.visit import Visited


def show(number: int, visit: Visited) -> Response:
    """GET /alerts/N/evidence"""
    with reading(visit.site.engine) as session:
        dispatch = stored(session, visit.site, number)
        found = evidence.evidence(session, visit.site.config.storage / "audio", number)
    return page(
        visit,
        "evidence.html",
        dispatch=dispatch,
        found=found,
        pieces=sorted(found.pieces, key=lambda piece: (piece.row.channel, reading_order(piece.row.language))),
        elsewhere=elsewhere(visit, dispatch.audience),
        channels=channel_names(visit, {piece.row.channel for piece in found.pieces}),
        entries=[(entry, what(visit, entry), said(visit, entry)) for entry in found.entries],
    )


def archive(number: int, visit: Visited) -> Response:
    """GET /alerts/N/evidence.zip"""
    with reading(visit.site.engine) as session:
        found = evidence.evidence(session, visit.site.config.storage / "audio", number)
    return download.attached(evidence.packed(found), "application/zip", f"evidence-{number}.zip")
