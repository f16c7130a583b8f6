"""An alarm as operators read it: what is wrong and what to do, and the engine's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from alertd import store
from alertd.announce import ALARM as ANNOUNCE
from alertd.canary import SILENT
from alertd.freeze import ALARMS as FREEZES
from alertd.freeze import Scope
from alertd.papers import ALONE, HELD, LAPSED, OVERRIDDEN
from alertd.postman import STUCK
from alertd.relay import NOBODY_LOOKS
from alertd.settled import ALARM as SETTINGS
from alertd.subscribe import FLOODED, LEAVING
from operator_console.catalogue import mark
from operator_console.visit import Visit

#: the kind of an alarm, which is its name up to the colon -> what the operator reads
_WORDS = {
    NOBODY_LOOKS: mark(
        "No worker answers. Alerts go out more slowly. Please look at the broker and the workers."
    ),
    "channel": mark("%(name)s: the far end does not take anything over. What waits will be tried again."),
    "busy": mark(
        "%(name)s: the far end takes nothing, because it is asked too often. What waits will be tried again. "
        "Please ask the provider for more calls or messages a second, or lower the pace."
    ),
    "link": mark(
        "%(name)s: the far end gives no sign of life. Nothing was lost; please look before it is needed."
    ),
    "desk": mark("Tasks for people are overdue in alert %(name)s. Please open the desk."),
    "drill": mark("Drill %(name)s: something is not right. Please look at the drill."),
    "dispatch": mark("Alert %(name)s was stopped: many more people were meant than approved. Please check."),
    "speech": mark(
        "Speech in %(name)s: the first voice did not speak, and another one or the far end's own speaks. "
        "Please look at the log."
    ),
    HELD: mark(
        "Alert %(name)s is held, because the database was restored. "
        "Please look what was sent already, and let it go on or stop it."
    ),
    OVERRIDDEN: mark("Alert %(name)s was sent by one person alone. Another approver must look at it."),
    ALONE: mark(
        "Alert %(name)s waits for an approver now: its author has nobody, and may not send alone once more."
    ),
    LAPSED: mark(
        "Alert %(name)s did not go out: it could not begin in time after its approval. "
        "Please check the facts and approve it again."
    ),
    "airing": mark("%(name)s: the transmitter is not given back. Please call the station at once."),
    LEAVING: mark("Unusually many people leave the mail list. Please look at the last alert and its links."),
    FLOODED: mark("Unusually many ask for registration links; some are turned away. Please look at the log."),
    STUCK: mark("Mails about registrations do not get out. Please look at the mail relay."),
    SILENT: mark(
        "Test mails to our own mailboxes do not arrive. Please look at the mail relay and the carrier."
    ),
    FREEZES[Scope.EVERYTHING]: mark("Everything is frozen: nothing goes out until two people lift it."),
    ANNOUNCE: mark(
        "A real alert goes out (%(name)s), and those who may approve could not be told by the other way. "
        "Please tell them yourself."
    ),
    SETTINGS: mark(
        "The settings of what sends were changed. Please compare them with the old ones; two people confirm them."
    ),
    FREEZES[Scope.MAINTENANCE]: mark(
        "Maintenance: every far end is left alone, and nothing goes out until its time is over."
    ),
    FREEZES[Scope.DRILLS]: mark("Drills are frozen: none goes out until two people lift it."),
    "refused": mark("%(name)s: something was not as it was approved, and was not sent. Please check."),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that is on."""

    name: str
    message: str
    raised_at: datetime

    def words(self, visit: Visit) -> str:
        """The sentence for the visitor; the engine's own when the kind is not known."""
        kind, _, name = self.name.partition(":")
        return visit.say(_WORDS[kind], name=name) if kind in _WORDS else self.message


def alarms(session: Session) -> Sequence[Alarm]:
    """What is on now, the latest first."""
    return tuple(Alarm(row.name, row.message, row.raised_at) for row in store.alarms(session))
