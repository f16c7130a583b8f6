"""`alertd sbom`: everything that runs is named, with its hash and its licence."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

from tests.cli.conftest import Alertd

LOCK = Path(__file__).parents[2] / "requirements.lock"
#: installs this folder, and does not run
_NOT_RUN = {"setuptools"}


def test_every_package_of_the_lock_stands_in_the_bill_with_hash_and_licence(alertd: Alertd):
    done = alertd("sbom", "--lock", str(LOCK))
    assert done.code == 0
    bill = json.loads(done.out)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {one["name"]: one for one in bill["components"]}
    # a line with a marker is for other versions of Python, and may not be installed
    locked = dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+) \\$", LOCK.read_text(), re.M))
    assert {name.replace(".", "-") for name in locked} - named.keys() <= _NOT_RUN
    for name in ("lxml", "cryptography", "sqlalchemy", "celery"):
        assert named[name]["version"] == version(name) == locked[name]
        assert named[name]["externalReferences"][0]["hashes"], name
    assert [
        one["name"]
        for one in bill["components"]
        if one["licenses"][0].get("license", {}).get("name") == "not said"
    ] == []
    refs = {one["bom-ref"] for one in bill["components"]}
    assert all(set(one["dependsOn"]) <= refs for one in bill["dependencies"])
    assert len(bill["components"]) == len(refs) >= 60


def test_licences_are_a_line_each(alertd: Alertd):
    lines = alertd("sbom", "--licences").out.splitlines()
    assert any(re.fullmatch(r"lxml [0-9.]+\tBSD-3-Clause", line) for line in lines)
    assert all(line.count("\t") == 1 for line in lines)
