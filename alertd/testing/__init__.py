"""Test tools for authors of channels: the contract, a double that fulfils it, a clock.

A plugin's test module needs one class and one fixture::

    class TestPager(ChannelContract):
        channel_class = PagerChannel

        @pytest.fixture
        def far_end(self, tmp_path):
            with PagerFarEnd(tmp_path) as far_end:
                yield far_end

Needs pytest, which is no dependency of alertd itself.
"""

import pytest

# before the first import of the claims, so that a broken one shows what it compared
pytest.register_assert_rewrite("alertd.testing.contract")

from alertd.testing.contract import ChannelContract, hand_over  # noqa: E402
from alertd.testing.fake import FakeChannel, FakeFarEnd  # noqa: E402
from alertd.testing.far_end import FarEnd, Heard  # noqa: E402
from alertd.testing.fixed_clock import FixedClock  # noqa: E402

__all__ = ["ChannelContract", "FakeChannel", "FakeFarEnd", "FarEnd", "FixedClock", "Heard", "hand_over"]
