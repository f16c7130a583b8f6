"""The guide for authors of channels: its very code, built and installed apart, keeps the contract and delivers."""

from __future__ import annotations

import re

from tests.acceptance.guide import EXAMPLE, FILES, Guide, blocks


def test_the_guide_shows_the_example_as_it_is() -> None:
    found = blocks()
    assert set(found) == {name for names in FILES.values() for name in names}
    for name, code in found.items():
        assert code == (EXAMPLE / name).read_text(encoding="utf-8"), name


def test_the_channel_has_some_thirty_lines_of_its_own() -> None:
    sending = blocks()["alertd_pager.py"].split("    def send(")[1]
    assert len([line for line in sending.splitlines() if line.strip()]) <= 32


def test_the_package_is_found_keeps_the_contract_and_delivers(guide: Guide) -> None:
    told = guide.run("-m", "alertd", "channel", "list")
    assert "pager" in told.partition("installed without a section")[2]
    # the package itself is not beside the tests: only the installed one can be imported
    (guide.folder / "package" / "alertd_pager.py").rename(guide.folder / "moved_away.py")
    told = guide.run("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests")
    passed = re.search(r"(\d+) passed", told)
    assert passed is not None and int(passed[1]) >= 20, told
    assert "does not apply: the gateway calls nobody back" in told
