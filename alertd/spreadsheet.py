"""Cells for spreadsheets, which compute what looks like a formula."""

from __future__ import annotations

import re

#: what makes a spreadsheet compute a cell; the apostrophe, because it is what a guard looks like
_COMPUTED = re.compile(r"['=+\-@\t\r＝＋－＠]")


def guarded(cell: str) -> str:
    """The text of a cell that no spreadsheet computes: an apostrophe in front where one would."""
    return f"'{cell}" if _COMPUTED.match(cell) else cell
