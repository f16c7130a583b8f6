"""A mail from outside, read as far as is wise: a bounce says in its first parts what it has to say.

The standard library's parser makes an object of each part and compares each line with the
boundaries of all parts that are open, so that a mail of thousands of empty parts, or of
parts within parts, keeps it busy for minutes; and it calls itself for each mail within a mail,
until Python has had enough. What is beyond the limits is cut off before.
"""

from __future__ import annotations

import re
from email import policy
from email.message import Message
from email.parser import BytesParser
from itertools import islice

#: of a mail, in bytes; what a server repeats of ours at the end of its bounce may be far longer
LARGEST = 1024 * 1024
_LINES = re.MULTILINE | re.IGNORECASE
#: what there may be of it
_LIMITS = (
    # lines that may be boundaries
    (re.compile(rb"^--", _LINES), 200),
    # parts that have parts
    (re.compile(rb"boundary", _LINES), 8),
    # mails within mails
    (re.compile(rb"^content-type:\s*message/", _LINES), 16),
    # headers of all parts
    (re.compile(rb"^[\w-]{1,70}:", _LINES), 4000),
)


def read(document: bytes) -> Message:
    """The mail, or its beginning."""
    document = document[:LARGEST]
    for pattern, most in _LIMITS:
        beyond = next(islice(pattern.finditer(document), most, None), None)
        if beyond is not None:
            document = document[: beyond.start()]
    return BytesParser(policy=policy.compat32).parsebytes(document)
