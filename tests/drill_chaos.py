"""`python -m tests.drill_chaos --actions 1000000`: random actions in the drill workspace, live sections beside it.

One small city after the other, each with a number: what happens in it follows from the
seed and its number alone, however many processes share the cities. Prints what was done
and that no live far end heard anything; stops at the first breach, with the command that
shows it again.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.drill_world import ACTIONS, World, act

#: actions in one city
LIFE = 1500
#: of them, so many with which a city begins: a drill takes place before chance strikes
ORDERLY = 24
#: between two looks at the far ends
LOOK_EVERY = 25
#: between two lines of progress, in seconds
TELL_EVERY = 10.0

#: what a city has seen, by name; and the number of what was done
Seen = Counter[str]


class Breach(AssertionError):
    """Something that must never happen did: the city, the action, and what it was."""


def live(folder: Path, seed: int, city: int, actions: int) -> Seen:
    """One city from its beginning to its end. Raises Breach."""
    chance = random.Random(f"{seed}/{city}")
    names, weights = list(ACTIONS), list(ACTIONS.values())
    place = folder / f"city-{city}"
    place.mkdir(parents=True)
    world = World(place, chance)
    number = 0
    try:
        for number in range(actions):
            act(world, "carry_on" if number < ORDERLY else chance.choices(names, weights)[0])
            if number % LOOK_EVERY == 0:
                world.witness.look()
        world.witness.end()
    except Exception as error:
        raise Breach(
            f"at action {number} of city {city}: {error}\nonce more: python -m tests.drill_chaos"
            f" --seed {seed} --city {city} --actions {actions}\n{traceback.format_exc()}"
        ) from error
    finally:
        world.close()
        shutil.rmtree(place, ignore_errors=True)
    done = Counter({f"did {name}": count for name, count in world.done.items()})
    return world.witness.seen + done + Counter(actions=actions, refused=world.refused, cities=1)


def cities(actions: int) -> list[tuple[int, int]]:
    """The cities of so many actions, each with its share of them."""
    return [(n, min(LIFE, actions - n * LIFE)) for n in range(-(-actions // LIFE))]


def run(actions: int, seed: int, folder: Path) -> dict[str, object]:
    """So many actions in this process. Raises Breach at the first breach."""
    began = time.monotonic()
    seen: Seen = Counter()
    for city, share in cities(actions):
        seen += live(folder, seed, city, share)
    return told(seen, seed, time.monotonic() - began)


def run_shared(actions: int, seed: int, folder: Path, *, shards: int) -> dict[str, object]:
    """The same cities, shared by so many processes, with progress on standard error. Raises Breach."""
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    children, ends = [], {}
    for shard in range(shards):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(
            target=_shard, args=(theirs, folder, seed, cities(actions)[shard::shards]), daemon=True
        )
        child.start()
        theirs.close()
        children.append(child)
        ends[ours] = child
    seen: Seen = Counter()
    try:
        last = began
        while ends:
            for end in wait(list(ends)):
                assert isinstance(end, Connection)
                try:
                    message = end.recv()
                except EOFError:
                    del ends[end]
                    continue
                if isinstance(message, str):
                    raise Breach(message)
                seen += message
            if time.monotonic() - last > TELL_EVERY:
                last = time.monotonic()
                _tell(seen, actions, last - began)
    finally:
        for child in children:
            child.terminate()
            child.join()
    if seen["actions"] != actions:
        raise Breach(f"a process ended before its time: {seen['actions']} of {actions} actions")
    return told(seen, seed, time.monotonic() - began)


def _shard(end: Connection, folder: Path, seed: int, shares: list[tuple[int, int]]) -> None:
    logging.disable(logging.CRITICAL)
    try:
        for city, share in shares:
            end.send(live(folder, seed, city, share))
    except Breach as breach:
        end.send(str(breach))
    end.close()


def _tell(seen: Seen, actions: int, seconds: float) -> None:
    part = seen["actions"] / actions
    left = seconds / part - seconds if part else 0.0
    bar = "█" * round(part * 30)
    sys.stderr.write(
        f"{bar:·<30} {seen['actions']:,} of {actions:,} actions · {seen['drill_messages']} messages fired"
        f" · {seen['drill_effects']} drill effects, 0 live · {left / 60:.0f} min left\n"
    )
    sys.stderr.flush()


def told(seen: Seen, seed: int, seconds: float) -> dict[str, object]:
    """What is printed at the end."""
    return {
        "actions": seen["actions"],
        "seed": seed,
        "cities": seen["cities"],
        "by_kind": {name: seen[f"did {name}"] for name in ACTIONS},
        "refused": seen["refused"],
        "drills": seen["drills"],
        "drill_messages_fired": seen["drill_messages"],
        "drill_effects": seen["drill_effects"],
        "drill_effects_without_marks": 0,
        "drill_artefacts": seen["drill_artefacts"],
        "drill_artefacts_without_marks": 0,
        "live_effects_of_drills": 0,
        "real_alerts_heard_at_the_end": seen["real_effects"],
        "real_artefacts": seen["real_artefacts"],
        "real_artefacts_with_marks": 0,
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.drill_chaos", description=__doc__)
    parser.add_argument("--actions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shards", type=int, default=1, help="processes that share the cities")
    parser.add_argument("--city", type=int, help="only this city, with so many actions")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    fast = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="drill-chaos-", dir=fast if fast.is_dir() else None))
    try:
        if given.city is not None:
            found = told(live(folder, given.seed, given.city, given.actions), given.seed, 0.0)
        else:
            found = run_shared(given.actions, given.seed, folder, shards=given.shards)
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    except Breach as breach:
        sys.exit(str(breach))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
