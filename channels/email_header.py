"""E-mail header fields, encoded by our own hand so that nothing can break out of them.

Python's e-mail package turns an encoded line break in a subject into a real one
(CVE-2024-6923), and decides by itself what to fold; here a value either is harmless or
is refused, and what is written is what was meant (RFC 5322 §2.2, RFC 2047 §2 and §5).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable

from alertd.errors import Problem, WrongInput

#: Of one encoded word, RFC 2047 §2; and of a line that needs no folding, RFC 5322 §2.1.1.
LONGEST_WORD = 75
LONGEST_LINE = 76

_TOKEN = re.compile(r"[ -~]*")
_WORD_BYTES = (LONGEST_WORD - len("=?utf-8?b??=")) // 4 * 3


def harmless(field: str, value: str) -> str:
    """The value unchanged; WrongInput naming the field when it could end a header early."""
    if "=?" in value:
        raise WrongInput(Problem(field, 'must not contain "=?", which begins an encoded word; remove it'))
    for character in value:
        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs"):
            name = f"U+{ord(character):04X}"
            raise WrongInput(Problem(field, f"must not contain line breaks or control characters ({name})"))
    return value


def header(name: str, value: str) -> bytes:
    """One field of plain ASCII, folded at spaces, with its line end."""
    if not _TOKEN.fullmatch(value):
        raise WrongInput(Problem(name, "must be plain ASCII here"))
    return _folded(name, value.split(" "))


def text_header(name: str, value: str) -> bytes:
    """One field of words in any language; ASCII stays as it is (RFC 2047 §5 (1))."""
    harmless(name, value)
    if value.isascii() and len(name) + 2 + len(value) <= LONGEST_LINE:
        return header(name, value)
    return _folded(name, _encoded_words(value))


def address_header(name: str, display: str, mailbox: str) -> bytes:
    """One field with one address and the name to show before it (RFC 2047 §5 (3))."""
    harmless(name, display)
    if not display:
        return header(name, mailbox)
    if display.isascii() and len(display) < LONGEST_LINE:
        quoted = display.replace("\\", "\\\\").replace('"', '\\"')
        return _folded(name, [f'"{quoted}"', f"<{mailbox}>"])
    return _folded(name, [*_encoded_words(display), f"<{mailbox}>"])


def names(block: bytes) -> set[str]:
    """The names of the fields in a block of headers, lower case, continuations aside."""
    lines = [line for line in re.split(rb"[\r\n]+", block) if line and line[:1] not in b" \t"]
    return {line.partition(b":")[0].decode("ascii", "replace").lower() for line in lines}


def _encoded_words(value: str) -> list[str]:
    """`=?utf-8?b?…?=` words, none cutting a character in two (RFC 2047 §5, last)."""
    words, part = [], b""
    for character in value:
        encoded = character.encode("utf-8")
        if len(part) + len(encoded) > _WORD_BYTES:
            words.append(part)
            part = b""
        part += encoded
    return [f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in (*words, part)]


def _folded(name: str, words: Iterable[str]) -> bytes:
    lines, line = [], f"{name}:"
    for word in words:
        if len(line) + 1 + len(word) > LONGEST_LINE and line.strip() != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode("ascii") + b"\r\n"
