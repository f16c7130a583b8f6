"""Importing recipients: a CSV is read and judged row by row, shown, and stored only after a second look."""

from __future__ import annotations

import base64
import binascii
import zlib

from fastapi import Response

from alertd import directory, people, recipient_list, register
from alertd.db import reading
from alertd.errors import WrongRecipients
from alertd.recipient_list import RecipientList
from operator_console.page import page
from operator_console.recipients import listing
from operator_console.visit import Visit, Visited

#: the largest list that the console takes, in bytes; the command line takes larger ones
LARGEST = 2 * 1024 * 1024
#: recipients that are shown after the import
SHOWN = 200
#: problems that are shown
PROBLEMS = 100


def form(visit: Visited) -> Response:
    """GET /recipients/import"""
    return page(visit, "recipient_import.html", found=None, done=None, packed="", problem=None)


def check(visit: Visited) -> Response:
    """POST /recipients/import: says what would change; nothing is stored."""
    document = visit.files.get("file", b"")
    if not document:
        return _refused(visit, visit.say("Please choose a file."))
    try:
        found = _read(visit, document)
    except WrongRecipients as error:
        return _refused(visit, " ".join(visit.problem(problem) for problem in error.problems))
    by = visit.operator.name
    done = register.register(visit.site, found.recipients, by=by, dry_run=True)
    return page(
        visit,
        "recipient_import.html",
        found=found,
        done=done,
        refused=sum(not problem.taken for problem in found.problems),
        problems=found.problems[:PROBLEMS],
        packed=base64.b64encode(zlib.compress(document, 9)).decode(),
        problem=None,
    )


def confirm(visit: Visited) -> Response:
    """POST /recipients/import/confirm: stores what was shown, and offers the trial calls."""
    try:
        unpacker = zlib.decompressobj()
        packed = base64.b64decode(visit.field("packed"), validate=True)
        document = unpacker.decompress(packed, LARGEST + 1)
        if len(document) > LARGEST or not document:
            raise zlib.error
        found = _read(visit, document)
    except (binascii.Error, zlib.error, WrongRecipients):
        return _refused(visit, visit.say("Please choose the file once more."))
    done = register.register(visit.site, found.recipients, by=visit.operator.name)
    addresses = [
        contact.address
        for recipient in found.recipients[:SHOWN]
        for contact in recipient.contacts
        if contact.kind == "voice"
    ]
    with reading(visit.site.engine) as session:
        taken = directory.at(session, addresses, SHOWN)
    said = visit.say(
        "Stored: %(new)s new, %(changed)s changed, %(unchanged)s unchanged. Try the numbers with a test call.",
        new=done.new,
        changed=done.changed,
        unchanged=done.unchanged,
    )
    return listing(visit, taken, done=said)


def _read(visit: Visit, document: bytes) -> RecipientList:
    with reading(visit.site.engine) as session:
        areas = {row.code: row.name for row in people.areas(session)}
    return recipient_list.read(document, areas=areas)


def _refused(visit: Visit, problem: str) -> Response:
    return page(visit, "recipient_import.html", status=422, found=None, done=None, packed="", problem=problem)
