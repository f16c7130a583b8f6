"""The bill of materials: every package that this installation runs on, as CycloneDX 1.6 JSON."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
#: classifiers say a licence in words; SPDX has shorter ones for those that are met here
_CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
}
#: packages that do not say it: the library inside is eSpeak NG
_UNSAID = {"espeakng-loader": "GPL-3.0-or-later"}


def bill(lock: str, now: datetime) -> Mapping[str, Any]:
    """The document; `lock` is the text of a lock file, whose hashes are put to the packages, or empty.

    Lists what is installed of alertd's own requirements and theirs; asks no network.
    """
    hashes = _hashes(lock)
    found = sorted(_closure("alertd", lock).items())
    own = distribution("alertd")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, repr([(n, d.version) for n, d in found]))}",
        "version": 1,
        "metadata": {
            "timestamp": now.isoformat(timespec="seconds"),
            "component": _component("alertd", own, {}) | {"type": "application"},
        },
        "components": [_component(name, one, hashes) for name, one in found],
        "dependencies": [
            {
                "ref": _purl(name, one),
                "dependsOn": sorted(
                    _purl(needed, dict(found)[needed]) for needed in _required(one) if needed in dict(found)
                ),
            }
            for name, one in [("alertd", own), *found]
        ],
    }


def licence(one: Distribution) -> str:
    """An SPDX expression, or the words that the package has; empty when it says nothing."""
    about = one.metadata
    for expression in about.get_all("License-Expression") or ():
        return str(expression)
    classes = [
        text.rpartition(" :: ")[2] for text in about.get_all("Classifier") or () if text.startswith("License")
    ]
    known = [_CLASSIFIED.get(text, text) for text in classes if text != "OSI Approved"]
    if known:
        return " OR ".join(dict.fromkeys(known))
    words = "".join(about.get_all("License") or ()).strip().splitlines()
    return words[0][:80] if words else _UNSAID.get(_normal(about["Name"]), "")


def _component(name: str, one: Distribution, hashes: Mapping[str, list[str]]) -> dict[str, Any]:
    said = licence(one)
    # CycloneDX wants an SPDX expression or a free name
    free = not re.fullmatch(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*", said)
    words = {"license": {"name": said or "not said"}} if free else {"expression": said}
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(name, one),
        "name": name,
        "version": one.version,
        "purl": _purl(name, one),
        "licenses": [words],
    }
    if name in hashes:
        component["externalReferences"] = [
            {
                "type": "distribution",
                "url": _purl(name, one),
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in hashes[name]],
            }
        ]
    return component


def _closure(root: str, lock: str) -> dict[str, Distribution]:
    """What is installed of the packages that the root needs, of what those need, and of the lock's."""
    found: dict[str, Distribution] = {}
    waiting = [*_required(distribution(root)), *_hashes(lock)]
    while waiting:
        name = waiting.pop()
        if name in found or name == root:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or an extra that is not installed
        waiting += _required(found[name])
    return found


def _required(one: Distribution) -> Iterable[str]:
    """The packages that it needs; of extras only alertd's own."""
    own = _normal(one.metadata["Name"]) == "alertd"
    lines = [line for line in one.requires or () if own or "extra ==" not in line]
    lines = [line for line in lines if 'extra == "test"' not in line and 'extra == "build"' not in line]
    return sorted({_normal(match[0]) for line in lines if (match := _NAME.match(line))} - {"alertd"})


def _hashes(lock: str) -> dict[str, list[str]]:
    entries = re.split(r"\n(?=[a-z0-9])", lock.strip())
    return {
        _normal(entry.partition("==")[0]): re.findall(r"sha256:([0-9a-f]{64})", entry)
        for entry in entries
        if "==" in entry
    }


def _normal(name: str) -> str:
    """As PEP 503 writes a name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _purl(name: str, one: Distribution) -> str:
    return f"pkg:pypi/{name}@{one.version}"
