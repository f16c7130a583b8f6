"""The docs name what there is: every setting, and no page that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alertd import config
from alertd.channel import ChannelSettings
from alertd.registry import channel_kinds
from tests.named_test import is_there

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", sorted(config._TOP))
def test_every_key_of_a_section_is_documented(section: str) -> None:
    part = SETTINGS.split(f"## `[{section}]`", 1)[1].split("\n## ", 1)[0]
    for name in config._TOP[section].model_fields:
        assert f"`{name}`" in part or f"`{name}_file`" in part, name


@pytest.mark.parametrize("kind", sorted(channel_kinds()))
def test_every_key_of_a_channel_is_documented(kind: str) -> None:
    own = SETTINGS.split(f"of kind `{kind}`", 1)[1].split("\n## ", 1)[0]
    for name in channel_kinds()[kind].load().Settings.model_fields:
        if name not in ChannelSettings.model_fields:
            assert f"`{name}`" in own or f"`{name}_file`" in own, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


def test_the_architecture_page_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:alertd|channels|tts|operator_console)/[\w./]*)`", text):
        assert (ROOT / path).exists(), path


def test_every_test_that_the_page_of_faults_names_is_there() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|benchmarks)/[^`]+)`", page)
    assert named
    assert [name for name in named if not is_there(name)] == []
