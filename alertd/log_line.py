"""A line of the log: one for each event, whatever others put into its words."""

from __future__ import annotations

import logging
import time
from types import TracebackType

_ESCAPED = {
    code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
}


class LogLine(logging.Formatter):
    """Time in UTC, level, name, message; what would end the line or move the cursor is written out.

    A traceback follows on lines that begin with a bar, so that none of them looks like an event.
    """

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, without line breaks of its own."""
        return super().formatMessage(record).translate(_ESCAPED)

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        """The traceback behind bars."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"| {line.translate(_ESCAPED)}" for line in lines)
