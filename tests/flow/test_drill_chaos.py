"""Whatever is done in the drill workspace, the live sections beside it hear nothing."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as given
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.drill_chaos import Breach, run
from tests.drill_world import ACTIONS, World, act


class DrillWorkspace(RuleBasedStateMachine):
    """Operators, relays, clocks, far ends and somebody who writes into the database, in any order."""

    @initialize(seed=given.integers(0, 2**32))
    def open(self, seed: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="drill-world-"))
        self.world = World(self.folder, random.Random(seed))

    @rule(name=given.sampled_from(sorted(ACTIONS)))
    def anything(self, name: str) -> None:
        act(self.world, name)

    @rule()
    def the_next_right_thing(self) -> None:
        act(self.world, "carry_on")

    @invariant()
    def no_live_far_end_hears_anything_and_every_drill_is_marked(self) -> None:
        if hasattr(self, "world"):
            self.world.witness.look()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
            shutil.rmtree(self.folder, ignore_errors=True)


TestDrillWorkspace = DrillWorkspace.TestCase
TestDrillWorkspace.settings = settings(
    max_examples=3, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_short_chaos_lets_drills_take_place_and_reaches_no_live_section(tmp_path: Path) -> None:
    found = run(120, 7, tmp_path)
    assert found["live_effects_of_drills"] == 0
    assert found["drill_messages_fired"] and found["drill_effects"] and found["drill_artefacts"]
    assert found["real_alerts_heard_at_the_end"] and found["real_artefacts"]


def test_a_drill_that_reaches_a_live_far_end_is_a_breach_with_its_city_and_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACTIONS, "leak", 10_000)
    monkeypatch.setattr(World, "leak", _leak, raising=False)
    with pytest.raises(Breach, match=r"at action 25 of city 0(.|\n)*once more: .*--seed 7 --city 0"):
        run(60, 7, tmp_path)


def _leak(world: World) -> None:
    (world.town.live_end.folder / "heard.jsonl").write_text("{}\n")
