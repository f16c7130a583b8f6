"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Tells the same instant again and again; `advance` moves it."""

    def __init__(self, instant: datetime = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)) -> None:
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """The instant at which the clock stands, aware, UTC."""
        return self._instant

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock and returns where it stands then."""
        self._instant += by
        return self._instant
