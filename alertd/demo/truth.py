"""The ground truth: what the far ends' own ledgers say, beside what the tally says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alertd.demo.far_ends import ledger
from alertd.report import ChannelTally, Report

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One number that both sides must agree on."""

    channel: str
    what: str
    tally: int
    ledger: int

    @property
    def agrees(self) -> bool:
        """Whether what is believed is what happened."""
        return self.tally == self.ledger

    def as_json(self) -> dict[str, object]:
        """The comparison as JSON values."""
        return {"channel": self.channel, "what": self.what, "tally": self.tally, "ledger": self.ledger}


def compare(folder: Path, report: Report) -> Sequence[Comparison]:
    """Each channel's tally beside its far end's ledger in `folder`; nothing else may have been sent."""
    found: list[Comparison] = []
    mails = [one for one in _entries(folder, "mail") if one.get("identifier") == report.identifier]
    tally = report.channels["mail"]
    arrived = _outcomes(tally, "accepted", "delivered", "acknowledged")
    recipients = {one["recipient"] for one in mails}
    found.append(_row("mail", "people with a mail", arrived, len(recipients)))
    found.append(_row("mail", "mails more than once", 0, len(mails) - len(recipients)))

    calls = _entries(folder, "phone")
    ended = [one for one in calls if one["event"] == "ended"]
    answered = {one["to"] for one in ended if set(one["pressed"]) & set("123")}
    heard = {one["to"] for one in ended if one["heard"]} - answered
    tally = report.channels["phone"]
    found.append(_row("phone", "people who pressed a key", _outcomes(tally, "acknowledged"), len(answered)))
    found.append(_row("phone", "people who listened to the end", _outcomes(tally, "delivered"), len(heard)))
    begun: dict[str, int] = {}
    for one in calls:
        if one["event"] == "created":
            begun[one["to"]] = begun.get(one["to"], 0) + 1
    found.append(_row("phone", "telephones that were called", tally.planned, len(begun)))

    airings = [one for one in _entries(folder, "fm") if one.get("complete")]
    found.append(
        _row("fm", "airings to the end", _outcomes(report.channels["fm"], "delivered"), len(airings))
    )
    pages = {one["group"] for one in _entries(folder, "radio") if one.get("group")}
    accepted = _outcomes(report.channels["radio"], "accepted")
    found.append(_row("radio", "groups of loudspeakers that sounded", accepted, len(pages)))
    return found


def _entries(folder: Path, channel: str) -> list[Entry]:
    file = ledger(folder, channel)
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _outcomes(tally: ChannelTally, *names: str) -> int:
    return sum(tally.outcomes[name] for name in names)


def _row(channel: str, what: str, tally: int, truth: int) -> Comparison:
    return Comparison(channel=channel, what=what, tally=tally, ledger=truth)


def disagreements(rows: Iterable[Comparison]) -> list[Comparison]:
    """Where tally and ledger differ."""
    return [row for row in rows if not row.agrees]
