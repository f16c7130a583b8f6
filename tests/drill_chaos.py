"""`python -m tests.drill_chaos --actions 1000000`: random actions in the drill workspace, live sections beside it.

Prints what was done, and that no live far end heard anything; stops at the first breach
with the seed and the number of the action.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.drill_world import ACTIONS, World, act, fired

#: actions until a new city takes the place of the old one
LIFE = 1500
#: of them, so many with which a city begins: a drill takes place before chance strikes
ORDERLY = 12
#: between two looks at the far ends
LOOK_EVERY = 25


def run(actions: int, seed: int, folder: Path, *, tell: bool = False) -> dict[str, object]:
    """So many actions; raises AssertionError at the first breach."""
    chance = random.Random(seed)
    names, weights = list(ACTIONS), list(ACTIONS.values())
    done: Counter[str] = Counter()
    total: Counter[str] = Counter()
    began = time.monotonic()
    while sum(done.values()) < actions:
        place = folder / "world"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        world = World(place, chance)
        first = number = sum(done.values())
        try:
            for number in range(first, min(actions, first + LIFE)):
                orderly = number - first < ORDERLY
                act(world, "carry_on" if orderly else chance.choices(names, weights)[0])
                if number % LOOK_EVERY == 0:
                    world.look_at_the_world()
            total["drill_messages"] += fired(world)
            world.look_at_the_world()
        except BaseException:
            sys.stderr.write(f"at action {number} of seed {seed}\n")
            raise
        finally:
            world.town.close()
        done += world.done
        total["effects"] += world.effects
        total["refused"] += world.refused
        if tell and (number + 1) % (LIFE * 4) == 0:
            rate = (number + 1) / (time.monotonic() - began)
            sys.stderr.write(
                f"{number + 1} actions, {total['effects']} drill effects, 0 live, {rate:.0f}/s\n"
            )
    return {
        "actions": sum(done.values()),
        "seed": seed,
        "by_kind": dict(done),
        "refused": total["refused"],
        "drill_messages_fired": total["drill_messages"],
        "drill_effects": total["effects"],
        "unmarked_drill_effects": 0,
        "live_effects": 0,
        "seconds": round(time.monotonic() - began, 1),
    }


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill_chaos", description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    fast = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="drill-chaos-", dir=fast if fast.is_dir() else None))
    try:
        sys.stdout.write(json.dumps(run(given.actions, given.seed, folder, tell=True), indent=2) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
