"""The JSON form of an alert: CAP's element names, lists where CAP repeats, times with +09:00."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from alertd.alert import Alert, Area, Info, NamedValue, Resource
from alertd.city import JST


def as_json(alert: Alert) -> dict[str, object]:
    """The alert as JSON values; what CAP leaves out is left out here too."""
    return _there(
        {
            "identifier": alert.identifier,
            "sender": alert.sender,
            "sent": _time(alert.sent),
            "status": alert.status,
            "msgType": alert.msg_type,
            "source": alert.source,
            "scope": alert.scope,
            "restriction": alert.restriction,
            "addresses": list(alert.addresses),
            "code": list(alert.codes),
            "note": alert.note,
            "references": [
                {"sender": one.sender, "identifier": one.identifier, "sent": _time(one.sent)}
                for one in alert.references
            ],
            "incidents": list(alert.incidents),
            "info": [_info(info) for info in alert.infos],
        }
    )


def _info(info: Info) -> dict[str, object]:
    return _there(
        {
            "language": info.language,
            "category": list(info.categories),
            "event": info.event,
            "responseType": list(info.response_types),
            "urgency": info.urgency,
            "severity": info.severity,
            "certainty": info.certainty,
            "audience": info.audience,
            "eventCode": _pairs(info.event_codes),
            "effective": _time(info.effective),
            "onset": _time(info.onset),
            "expires": _time(info.expires),
            "senderName": info.sender_name,
            "headline": info.headline,
            "description": info.description,
            "instruction": info.instruction,
            "web": info.web,
            "contact": info.contact,
            "parameter": _pairs(info.parameters),
            "resource": [_resource(resource) for resource in info.resources],
            "area": [_area(area) for area in info.areas],
        }
    )


def _area(area: Area) -> dict[str, object]:
    return _there(
        {
            "areaDesc": area.description,
            "polygon": [[list(point) for point in ring] for ring in area.polygons],
            "circle": [{"centre": [lat, lon], "radius": radius} for lat, lon, radius in area.circles],
            "geocode": _pairs(area.geocodes),
            "altitude": area.altitude,
            "ceiling": area.ceiling,
        }
    )


def _resource(resource: Resource) -> dict[str, object]:
    return _there(
        {
            "resourceDesc": resource.description,
            "mimeType": resource.mime_type,
            "size": resource.size,
            "uri": resource.uri,
            "digest": resource.digest,
        }
    )


def _pairs(pairs: Sequence[NamedValue]) -> list[dict[str, str]]:
    return [{"valueName": pair.name, "value": pair.value} for pair in pairs]


def _time(at: datetime | None) -> str | None:
    return at.astimezone(JST).isoformat(timespec="seconds") if at is not None else None


def _there(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None and value != []}
