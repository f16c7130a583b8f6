"""Where the demo's far ends listen."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from alertd.demo.far_ends import free_ports

_GOING_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(not _GOING_OUT.exists(), reason="not Linux")
def test_no_connection_that_goes_out_can_take_a_far_end_its_port():
    lowest, highest = map(int, _GOING_OUT.read_text().split())
    if lowest < 32_000:
        pytest.skip(f"this machine lets connections go out from port {lowest}")
    chosen = [port for _ in range(20) for port in astuple(free_ports())[3:]]
    assert not [port for port in chosen if lowest <= port <= highest]
