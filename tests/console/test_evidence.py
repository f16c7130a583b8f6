"""The evidence of an alert: what was said, its hashes, and who let it go out."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

from httpx import Client
from sqlalchemy import update

from alertd.db import writing
from alertd.tables import ArtefactRow
from tests.console.desk import Desk
from tests.factories import APPROVER, WRITER


def _archive(browser: Client, number: int) -> zipfile.ZipFile:
    answer = browser.get(f"/alerts/{number}/evidence.zip")
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def test_the_page_shows_words_sounds_hashes_and_people(sent: int, writer: Client):
    page = writer.get(f"/alerts/{sent}/evidence").text
    assert "<audio" in page and WRITER.name in page and APPROVER.name in page
    assert "一致しています" in page and "一致しません" not in page


def test_the_archive_can_be_checked_without_this_system(sent: int, writer: Client):
    archive = _archive(writer, sent)
    sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
    assert {name for name in sums if name.startswith("sounds/")}
    assert {name for name in sums if name.startswith("words/")}
    for name, digest in sums.items():
        assert hashlib.sha256(archive.read(name)).hexdigest() == digest, name
    trail = [json.loads(line) for line in archive.read("audit.jsonl").decode().splitlines()]
    assert {row["action"] for row in trail} >= {"dispatch.submitted", "dispatch.approved"}
    assert json.loads(archive.read("evidence.json"))["intact"] is True


def test_the_archive_names_nobody_who_was_alerted(sent: int, writer: Client):
    archive = _archive(writer, sent)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"@example.jp" not in everything and b"+81256000" not in everything


def test_the_same_evidence_is_the_same_bytes(sent: int, writer: Client, approver: Client):
    path = f"/alerts/{sent}/evidence.zip"
    assert writer.get(path).content == approver.get(path).content


def test_words_that_were_changed_afterwards_are_seen(desk: Desk, sent: int, writer: Client):
    with writing(desk.site.engine) as session:
        session.execute(update(ArtefactRow).where(ArtefactRow.dispatch_id == sent).values(text="別の文面"))
    assert "一致しません" in writer.get(f"/alerts/{sent}/evidence").text
    assert json.loads(_archive(writer, sent).read("evidence.json"))["intact"] is False


def test_a_sound_that_is_gone_is_seen(desk: Desk, sent: int, writer: Client):
    for file in (desk.site.config.storage / "audio").iterdir():
        file.unlink()
    assert "失われています" in writer.get(f"/alerts/{sent}/evidence").text
