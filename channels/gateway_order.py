"""The order to a gateway of loudspeakers: CAP 1.2, sound and stations as multipart/form-data (RFC 7578)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from alertd.channel import Message, Target


def announcement(message: Message) -> str:
    """What all orders for one message are called, so that its stations speak together."""
    name = [message.identifier, message.sent.isoformat(), message.status, message.kind, message.language]
    return hashlib.sha256("\n".join([*name, message.text]).encode()).hexdigest()[:32]


def order(message: Message, targets: Sequence[Target], sound: bytes) -> tuple[str, bytes]:
    """Content type and body: the parts `order` (JSON), `alert` (the approved document) and `audio` (WAV).

    An order repeated with the same keys is the same order.
    """
    facts = {
        "announcement": announcement(message),
        "identifier": message.identifier,
        "status": message.status,
        "msgType": message.kind,
        "references": [reference.identifier for reference in message.references],
        "language": message.language,
        "headline": message.headline,
        "text": message.text,
        "sent": message.sent.isoformat(),
        "expires": message.expires.isoformat(),
        "stations": [
            {"station": target.address, "key": target.key, "report_url": target.answer_url}
            for target in targets
        ],
    }
    parts = [("order", "application/json", json.dumps(facts).encode("ascii"))]
    if message.document:
        parts.append(("alert", "application/cap+xml", message.document))
    parts.append(("audio", "audio/wav", sound))
    boundary = hashlib.sha256(b"".join(body for _, _, body in parts)).hexdigest()[:40]
    lines = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: %b\r\n\r\n%b\r\n'
        % (boundary.encode(), name.encode(), name.encode(), kind.encode(), body)
        for name, kind, body in parts
    ]
    return f"multipart/form-data; boundary={boundary}", b"".join(lines) + b"--%b--\r\n" % boundary.encode()
