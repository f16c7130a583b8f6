"""CAP 1.1 made into 1.2: the same document under the newer name, with what was renamed since.

Source: OASIS Common Alerting Protocol 1.1 (2005-10-01), compared with 1.2, appendix C.
"""

from __future__ import annotations

import re

from lxml import etree

from alertd.cap.writer import NAMESPACE

#: the namespace of the older version
OLDER = "urn:oasis:names:tc:emergency:cap:1.1"

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?\s*")
_TIMES = frozenset({"sent", "effective", "onset", "expires"})


def version(document: bytes) -> str | None:
    """The version that the document names: "1.1" or "1.2"; None when it names neither."""
    found = re.search(rb"urn:oasis:names:tc:emergency:cap:(1\.[12])\b", document)
    return found[1].decode() if found else None


def lift(root: etree._Element) -> None:
    """Turns a 1.1 document into 1.2 in its place.

    "Very Likely" became Likely; a time may end in "Z" or have no zone, which then is
    UTC; a resource need not say its type.
    """
    for element in root.iter(f"{{{OLDER}}}*"):
        name = etree.QName(element).localname
        element.tag = f"{{{NAMESPACE}}}{name}"
        text = (element.text or "").strip()
        if name == "certainty" and text == "Very Likely":
            element.text = "Likely"
        elif name in _TIMES and (match := _TIME.fullmatch(text)):
            zone = match[2] if match[2] not in (None, "Z") else "+00:00"
            element.text = f"{match[1]}{zone}"
    for resource in root.iter(f"{{{NAMESPACE}}}resource"):
        if resource.find(f"{{{NAMESPACE}}}mimeType") is None:
            described = resource.find(f"{{{NAMESPACE}}}resourceDesc")
            kind = etree.Element(f"{{{NAMESPACE}}}mimeType")
            kind.text = "application/octet-stream"
            resource.insert(0 if described is None else resource.index(described) + 1, kind)
