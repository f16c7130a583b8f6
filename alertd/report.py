"""The report: what became of a dispatch, as one tally that adds up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import forecast, store
from alertd.alert import MsgType, Status
from alertd.channel import Outcome
from alertd.dispatch import State
from alertd.errors import NotFound
from alertd.running_tally import RunningTallies
from alertd.site import Site
from alertd.tables import AlertRow, DispatchRow, RolledUpRow

#: nothing was said of it yet
PENDING = "pending"
#: outcomes whose reasons are counted
_EXPLAINED = (Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.FAILED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ChannelTally:
    """One channel's deliveries: each is in exactly one of `outcomes`, so they add up to `planned`."""

    planned: int
    #: every Outcome and PENDING by name
    outcomes: dict[str, int]
    #: of those deferred, failed or not known: why; of those handed over: what is still missing
    reasons: dict[str, int]
    #: of those acknowledged: what was answered
    answers: dict[str, int]
    #: how many will be looked at again
    open: int
    #: of those acknowledged: by a visit at the door, and not over the channel
    met: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One dispatch and its tally at one moment."""

    id: int
    identifier: str
    headline: str
    status: Status
    msg_type: MsgType
    state: State
    content_hash: str
    channels: dict[str, ChannelTally]
    submitted_at: datetime
    approved_at: datetime | None
    first_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    corrects: int | None
    corrected_by: int | None
    #: when channels with lines will have made their last call; None = not asked for, or nothing is open
    eta_at: datetime | None = None
    #: since when only these counts are left of it
    rolled_up_at: datetime | None = None

    @property
    def planned(self) -> int:
        """All deliveries."""
        return sum(tally.planned for tally in self.channels.values())

    @property
    def final(self) -> bool:
        """Whether every delivery has its last word."""
        return self.state in (State.FINISHED, State.REJECTED) or (
            self.state is State.CANCELLED and not any(tally.open for tally in self.channels.values())
        )

    def as_json(self) -> dict[str, object]:
        """The report as JSON values; times are ISO 8601 in UTC."""
        return {
            "id": self.id,
            "identifier": self.identifier,
            "headline": self.headline,
            "status": self.status,
            "msg_type": self.msg_type,
            "state": self.state,
            "planned": self.planned,
            "channels": {
                name: {
                    "planned": tally.planned,
                    **tally.outcomes,
                    "reasons": tally.reasons,
                    "answers": tally.answers,
                }
                for name, tally in self.channels.items()
            },
            "met_at_the_door": {name: tally.met for name, tally in self.channels.items() if tally.met},
            "submitted_at": _iso(self.submitted_at),
            "approved_at": _iso(self.approved_at),
            "first_at": _iso(self.first_at),
            "finished_at": _iso(self.finished_at),
            "expires_at": _iso(self.expires_at),
            "corrects": self.corrects,
            "corrected_by": self.corrected_by,
            "eta_at": _iso(self.eta_at),
        }


def report(
    session: Session, dispatch_id: int, *, site: Site | None = None, running: RunningTallies | None = None
) -> Report:
    """The report of a dispatch from one snapshot; with `site` also its forecast. Raises NotFound.

    Who looks again and again has `running` tallies, so that not everything is counted each time.
    """
    row = store.dispatch(session, dispatch_id)
    if row is None:
        raise NotFound(f"there is no dispatch {dispatch_id}; `alertd alert list` shows them")
    alert = session.get_one(AlertRow, row.alert_id)
    rolled_up = session.get(RolledUpRow, dispatch_id)
    if rolled_up is not None:
        channels = {name: ChannelTally(**tally) for name, tally in rolled_up.tallies.items()}
    else:
        channels = _counted(session, row, running)
    correction = store.correction_of(session, row.id)
    return Report(
        id=row.id,
        identifier=alert.identifier,
        headline=alert.headline,
        status=alert.status,
        msg_type=alert.msg_type,
        state=row.state,
        content_hash=row.content_hash,
        channels=channels,
        submitted_at=row.submitted_at,
        approved_at=row.approved_at,
        first_at=row.first_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        corrects=row.corrects_id,
        corrected_by=correction.id
        if correction is not None and correction.state is not State.DRAFT
        else None,
        eta_at=_eta_at(session, site, row.id) if site is not None else None,
        rolled_up_at=rolled_up.at if rolled_up is not None else None,
    )


def _counted(session: Session, row: DispatchRow, running: RunningTallies | None) -> dict[str, ChannelTally]:
    channels = {name: _empty() for name in row.channels}
    asked = store.tally(session, row.id, row.channels) if running is None else running.tally(session, row)
    for count in asked:
        tally = channels.setdefault(count.channel, _empty())
        tally.outcomes[count.outcome or PENDING] += count.deliveries
        if count.outcome in _EXPLAINED and count.reason:
            tally.reasons[count.reason] = tally.reasons.get(count.reason, 0) + count.deliveries
        if count.answer:
            tally.answers[count.answer] = tally.answers.get(count.answer, 0) + count.deliveries
        channels[count.channel] = ChannelTally(
            tally.planned + count.deliveries,
            tally.outcomes,
            tally.reasons,
            tally.answers,
            tally.open + count.due,
        )
    for name, met in store.met_at_the_door(session, row.id).items():
        channels[name] = replace(channels[name], met=met)
    return channels


def _eta_at(session: Session, site: Site, dispatch_id: int) -> datetime | None:
    return max(forecast.ends_at(session, site, dispatch_id, site.clock.now()).values(), default=None)


def _empty() -> ChannelTally:
    return ChannelTally(0, {**{outcome.value: 0 for outcome in Outcome}, PENDING: 0}, {}, {}, 0)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
