"""`python -m tests.chaos`: runs of chaos, a line for each and a table at the end."""

from __future__ import annotations

import argparse
import json
import random
import sys

from sqlalchemy.exc import SQLAlchemyError

from alertd.errors import AlertdError
from tests.chaos.run import Plan, Result, run

_COLUMNS = (
    "seed",
    "database",
    "deliveries",
    "faults",
    "lost",
    "doubles",
    "sender_deaths",
    "double_calls",
    "double_airings",
    "slowest_recovery",
    "slowest_of_many",
    "seconds",
)
#: of these the longest counts, of the others the sum
_LONGEST = ("slowest_recovery", "slowest_of_many")


def main() -> int:
    """Exit code 1 when a promise was broken."""
    parser = argparse.ArgumentParser(
        prog="dev.py chaos",
        description="Kills real processes in the middle of dispatches; the far ends' ledgers are the judge.",
    )
    parser.add_argument("--recipients", type=int, default=2000, help="mail recipients of each alert")
    parser.add_argument("--faults", type=int, default=20, help="blows in each run")
    parser.add_argument("--seed", type=int, help="of the first run; the same seed strikes the same blows")
    parser.add_argument("--runs", type=int, default=1, help="runs, each with the next seed")
    parser.add_argument(
        "--database", default="sqlite", help="sqlite, postgres, or the URL of an empty database"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    results: list[Result] = []
    could_not: list[int] = []
    for number in range(chosen.runs):
        plan = Plan(
            recipients=chosen.recipients,
            faults=chosen.faults,
            seed=seed + number,
            database=chosen.database,
        )
        _say(f"run {number + 1} of {chosen.runs}, seed {plan.seed}, {plan.database} …")
        try:
            result = run(plan, _say)
        except (OSError, AssertionError, AlertdError, SQLAlchemyError) as error:
            # hours of runs are not lost for one town that a busy machine did not bring up
            could_not.append(plan.seed)
            _say(f"seed {plan.seed}: this run could not be made: {error!r}")
            continue
        results.append(result)
        _say(_line(result))
    rows = [result.as_json() for result in results]
    if rows and chosen.json:
        found = {**(rows[0] if len(rows) == 1 else _sum(rows)), "could_not_be_made": could_not}
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        _say(_table(rows))
    elif rows:
        sys.stdout.write(_table(rows) + "\n")
    return int(bool(could_not) or any(result.verdict.broken for result in results))


def _line(result: Result) -> str:
    found = result.as_json()
    head = (
        f"seed {found['seed']}: {found['deliveries']} deliveries, {found['faults']} faults, "
        f"{found['lost']} lost, {found['doubles']} mails twice in {found['sender_deaths']} sender deaths, "
        f"next mail after at most {found['slowest_recovery']} s ({found['slowest_after'] or 'no death alone'}), "
        f"{found['seconds']} s in all"
    )
    return "\n".join([head, *(f"  BROKEN: {sentence}" for sentence in result.verdict.broken)])


def _sum(rows: list[dict[str, object]]) -> dict[str, object]:
    """All runs as one, with the runs beside it."""
    total: dict[str, object] = {"seed": rows[0]["seed"], "database": rows[0]["database"]}
    for name in _COLUMNS[2:]:
        figures = [float(str(row[name])) for row in rows]
        total[name] = max(figures) if name in _LONGEST else round(sum(figures), 1)
        if name not in (*_LONGEST, "seconds"):
            total[name] = int(sum(figures))
    broken = [sentence for row in rows for sentence in row["broken"]]  # type: ignore[attr-defined]
    return {**total, "broken": broken, "runs": rows}


def _table(rows: list[dict[str, object]]) -> str:
    total = _sum(rows)
    cells = [list(_COLUMNS), ["---"] * len(_COLUMNS)]
    cells += [[str(row[name]) for name in _COLUMNS] for row in rows]
    if len(rows) > 1:
        cells.append(["all", *(str(total[name]) for name in _COLUMNS[1:])])
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
