"""The network of an address: the quick way knows exactly what the library knows."""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from alertd.subscription import network_of

_NEARLY = st.from_regex(r"[0-9.]{0,16}|(?:[0-9]{1,4}\.){3}[0-9]{1,3}[\n.]?", fullmatch=True)


@given(st.one_of(st.ip_addresses().map(str), _NEARLY, st.text(max_size=20)))
def test_a_network_is_what_the_library_says(address: str):
    network_of.cache_clear()
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        assert network_of(address) is None
        return
    if found.version == 6 and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    prefix = 24 if found.version == 4 else 48
    assert network_of(address) == str(ipaddress.ip_network(f"{found}/{prefix}", strict=False))
