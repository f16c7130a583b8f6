"""The re-issue: a document from outside becomes the city's own alert, with its own name and times."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from alertd.alert import Alert, MsgType, Status
from alertd.city import City
from alertd.errors import Problem, WrongAlert


def reissue(
    alert: Alert, *, status: Status, identifier: str, sent: datetime, expires: datetime, city: City
) -> Alert:
    """The same words under the city's name, from `sent` until `expires`.

    Where it came from stays in `source` and `note`. What it referred to is unknown here,
    so it is a first Alert. An alert that was not Actual never becomes Actual: then
    its own status stays.

    Raises WrongAlert for a Cancel, Ack or Error: its words are often those of the alert
    that it calls off.
    """
    if alert.msg_type in (MsgType.CANCEL, MsgType.ACK, MsgType.ERROR):
        raise WrongAlert(
            Problem(
                "msgType",
                f"a {alert.msg_type} from outside is not passed on; cancel the alert that was sent instead",
                f"外部からの{alert.msg_type}は転送できません。配信した警報の取消を行ってください。",
            )
        )
    kept = status if alert.status is Status.ACTUAL or status is not Status.ACTUAL else alert.status
    sent, expires = sent.replace(microsecond=0), expires.replace(microsecond=0)
    return replace(
        alert,
        identifier=identifier,
        sender=city.sender,
        sent=sent,
        status=kept,
        msg_type=MsgType.ALERT,
        references=(),
        source=alert.source or alert.sender,
        note=f"re-issued from {alert.sender},{alert.identifier}",
        infos=tuple(replace(info, effective=sent, expires=expires) for info in alert.infos),
    )
