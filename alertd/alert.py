"""The Alert: a CAP 1.2 document as immutable values, in CAP's own spelling.

Source: OASIS Common Alerting Protocol 1.2 (2010-07-01), chapter 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """Who is meant to act on the alert (CAP `status`)."""

    #: actionable by everybody it reaches
    ACTUAL = "Actual"
    #: actionable only by those who take part in the drill
    EXERCISE = "Exercise"
    #: for messages between alerting systems; never sent to the public
    SYSTEM = "System"
    #: a probe of the technical way that nobody hears
    TEST = "Test"
    #: not actionable in its present form; never sent
    DRAFT = "Draft"


class MsgType(StrEnum):
    """What the document is (CAP `msgType`)."""

    #: first word on a matter
    ALERT = "Alert"
    #: replaces the documents it references
    UPDATE = "Update"
    #: calls the documents it references off: they were wrong
    CANCEL = "Cancel"
    #: acknowledges receipt of the documents it references
    ACK = "Ack"
    #: rejects the documents it references
    ERROR = "Error"


class Scope(StrEnum):
    """Whom the document may be shown to (CAP `scope`)."""

    #: everybody
    PUBLIC = "Public"
    #: those named by `restriction`
    RESTRICTED = "Restricted"
    #: those named by `addresses`
    PRIVATE = "Private"


class Category(StrEnum):
    """The field that the event belongs to (CAP `category`)."""

    #: geophysical: earthquake, landslide, volcano
    GEO = "Geo"
    #: meteorological, floods included
    MET = "Met"
    #: general emergency and public safety
    SAFETY = "Safety"
    #: law enforcement and civil protection
    SECURITY = "Security"
    #: rescue and recovery, missing persons
    RESCUE = "Rescue"
    #: fire suppression and rescue
    FIRE = "Fire"
    #: medical and public health
    HEALTH = "Health"
    #: pollution and other environmental matters
    ENV = "Env"
    #: public and private transportation
    TRANSPORT = "Transport"
    #: utilities and other infrastructure
    INFRA = "Infra"
    #: chemical, biological, radiological, nuclear, explosive
    CBRNE = "CBRNE"
    #: anything else
    OTHER = "Other"


class ResponseType(StrEnum):
    """What the audience should do (CAP `responseType`)."""

    #: take shelter in place
    SHELTER = "Shelter"
    #: relocate as instructed
    EVACUATE = "Evacuate"
    #: make ready as instructed
    PREPARE = "Prepare"
    #: carry out the activity named in the instruction
    EXECUTE = "Execute"
    #: stay away from the hazard
    AVOID = "Avoid"
    #: watch for further information
    MONITOR = "Monitor"
    #: evaluate the information; not for public warnings
    ASSESS = "Assess"
    #: the danger is over
    ALL_CLEAR = "AllClear"
    #: nothing is to be done
    NONE = "None"


class Urgency(StrEnum):
    """When action is needed (CAP `urgency`)."""

    #: at once
    IMMEDIATE = "Immediate"
    #: within the next hour
    EXPECTED = "Expected"
    #: in the near future
    FUTURE = "Future"
    #: no longer
    PAST = "Past"
    #: not known
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """How grave the threat is (CAP `severity`)."""

    #: extraordinary threat to life or property
    EXTREME = "Extreme"
    #: significant threat
    SEVERE = "Severe"
    #: possible threat
    MODERATE = "Moderate"
    #: minimal or no known threat
    MINOR = "Minor"
    #: not known
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """How sure the event is (CAP `certainty`)."""

    #: has happened or is happening
    OBSERVED = "Observed"
    #: more likely than not
    LIKELY = "Likely"
    #: possible, but not likely
    POSSIBLE = "Possible"
    #: not expected
    UNLIKELY = "Unlikely"
    #: not known
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Reference:
    """An earlier document: CAP's triple sender,identifier,sent."""

    sender: str
    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A CAP name/value pair: eventCode, parameter or geocode."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Where the info applies; polygons are rings of (latitude, longitude) in WGS 84."""

    description: str
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()
    #: (latitude, longitude, radius in km)
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: tuple[NamedValue, ...] = ()
    altitude: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A file that goes with the info, by reference or inline (base64)."""

    description: str
    mime_type: str
    size: int | None = None
    uri: str | None = None
    deref_uri: str | None = None
    digest: str | None = None


#: the parameter of an info that repeats what an earlier document said of other areas
STANDING = "alertd:standing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What the alert says in one language."""

    event: str
    categories: tuple[Category, ...]
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    #: RFC 3066 tag; CAP's default is en-US
    language: str = "en-US"
    response_types: tuple[ResponseType, ...] = ()
    audience: str | None = None
    event_codes: tuple[NamedValue, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str | None = None
    headline: str | None = None
    description: str | None = None
    instruction: str | None = None
    web: str | None = None
    contact: str | None = None
    parameters: tuple[NamedValue, ...] = ()
    resources: tuple[Resource, ...] = ()
    areas: tuple[Area, ...] = ()

    def parameter(self, name: str) -> str | None:
        """The value of the first parameter of that name; None when there is none."""
        return next((pair.value for pair in self.parameters if pair.name == name), None)

    @property
    def standing(self) -> bool:
        """Whether it only says what goes on elsewhere: readers of CAP need it, and nobody is told again."""
        return self.parameter(STANDING) == "yes"

    def event_code(self, name: str) -> str | None:
        """The value of the first event code of that name; None when there is none."""
        return next((pair.value for pair in self.event_codes if pair.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One CAP document. All times are aware and UTC; `sent` has whole seconds."""

    identifier: str
    sender: str
    sent: datetime
    status: Status
    msg_type: MsgType
    scope: Scope = Scope.PUBLIC
    infos: tuple[Info, ...] = ()
    references: tuple[Reference, ...] = ()
    source: str | None = None
    restriction: str | None = None
    addresses: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    note: str | None = None
    incidents: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """The triple by which later documents refer to this one."""
        return Reference(self.sender, self.identifier, self.sent)

    @property
    def news(self) -> tuple[Info, ...]:
        """The infos that people are told of: all but those that stand from before."""
        return tuple(info for info in self.infos if not info.standing)

    @property
    def severity(self) -> Severity:
        """The gravest severity of any news; Unknown when there is none."""
        order = list(Severity)
        return min((info.severity for info in self.news), key=order.index, default=Severity.UNKNOWN)

    @property
    def expires(self) -> datetime | None:
        """When the last info ends; None when none says so."""
        return max((info.expires for info in self.infos if info.expires), default=None)
