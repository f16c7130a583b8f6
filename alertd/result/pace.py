"""A Pace: how soon the deliveries of a dispatch were reached, as shares and as a curve."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

#: shares of all deliveries whose time is told, in percent; 0 = the first one
SHARES = (0, 50, 90, 95, 99)
#: points of a curve
_POINTS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How soon deliveries were reached: seconds by share of all of them; None = never."""

    planned: int
    reached: int
    #: of them within the goal's time
    in_time: int
    seconds: Mapping[int, float | None]
    #: seconds and percent, for a curve
    curve: Sequence[tuple[float, float]]

    @property
    def percent(self) -> float:
        """Of all deliveries, reached within the goal's time."""
        return 100 * self.in_time / self.planned if self.planned else 0.0


def pace(
    moments: Sequence[tuple[datetime, int]], planned: int, since: datetime, within: timedelta | None = None
) -> Pace:
    """The pace of so many deliveries reached at each of `moments`, in their order; without `within` all are in time."""
    after = [(max(0.0, (at - since).total_seconds()), count) for at, count in moments]
    so_far = list(accumulate(count for _, count in after))
    reached = so_far[-1] if so_far else 0

    def share(percent: int) -> float | None:
        needed = max(1, -(-planned * percent // 100))
        return round(after[bisect_left(so_far, needed)][0], 1) if reached >= needed else None

    curve = [(0.0, 0.0)]
    for number, ((second, _), total) in enumerate(zip(after, so_far, strict=True), start=1):
        if number == len(after) or number % max(1, len(after) // _POINTS) == 0:
            curve += [(second, curve[-1][1]), (second, 100 * total / max(planned, 1))]
    return Pace(
        planned=planned,
        reached=reached,
        in_time=sum(count for one, count in after if within is None or one <= within.total_seconds()),
        seconds={percent: share(percent) for percent in SHARES},
        curve=curve,
    )


def together(paces: Sequence[Pace]) -> Pace:
    """Several messages as one; the time of a share is that of the slowest message."""
    shares: dict[int, float | None] = {}
    for percent in SHARES:
        found = [pace.seconds[percent] for pace in paces]
        known = [second for second in found if second is not None]
        shares[percent] = max(known) if known and len(known) == len(found) else None
    if len(paces) == 1:
        return paces[0]
    return Pace(
        planned=sum(pace.planned for pace in paces),
        reached=sum(pace.reached for pace in paces),
        in_time=sum(pace.in_time for pace in paces),
        seconds=shares,
        curve=(),
    )


def as_json(pace: Pace) -> dict[str, object]:
    """The pace as JSON values; lengths in seconds."""
    return {
        "planned": pace.planned,
        "reached": pace.reached,
        "in_time": pace.in_time,
        "percent_in_time": round(pace.percent, 1),
        "seconds": {("first" if share == 0 else str(share)): at for share, at in pace.seconds.items()},
    }
