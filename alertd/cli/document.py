"""A document that a command is handed: read before anything is opened."""

from __future__ import annotations

import sys
from pathlib import Path

from alertd import cap
from alertd.alert import Alert
from alertd.cli.app import say
from alertd.errors import Problem, WrongInput


def document_in(file: Path | None) -> Alert | None:
    """The CAP document in a file; read before anything is opened, so that a bad one stops at once."""
    if file is None:
        return None
    document = content_of(file)
    alert = cap.parse(document)
    if cap.version(document) == "1.1":
        say(f"{file} is CAP 1.1; it was read as 1.2")
    return alert


def content_of(file: Path) -> bytes:
    """The bytes of a file or of standard input. Raises WrongInput."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise WrongInput(Problem("file", f"cannot read {file}: {error.strerror}")) from error
