"""A Recipient: a person, household, organisation, station or loudspeaker, and its contacts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RecipientKind(StrEnum):
    """What kind of recipient it is."""

    #: one person
    PERSON = "person"
    #: everybody behind one number
    HOUSEHOLD = "household"
    #: a neighbourhood association, fire brigade, school, care home
    ORGANISATION = "organisation"
    #: a radio station
    STATION = "station"
    #: loudspeakers outdoors
    LOUDSPEAKER = "loudspeaker"
    #: a newspaper or broadcaster that is told as press
    PRESS = "press"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One address on one kind of channel; `preference` 1 is tried first."""

    #: the kind of the channel: "email", "voice", "fm", "radio", "gateway", "desk", "press", "radio_phone"
    kind: str
    #: as the channel wants it: mail address, E.164 number, queue, group:port, station, who does it
    address: str
    preference: int = 1
    #: the channel section that serves it; None = any of its kind
    section: str | None = None
    #: who answers there, such as a daughter; empty = the recipient, None = the list does not say
    holder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody or something that alerts are meant for."""

    name: str
    #: the code of its area
    area: str
    contacts: tuple[Contact, ...]
    kana: str = ""
    kind: RecipientKind = RecipientKind.PERSON
    language: str = "ja"
    groups: tuple[str, ...] = ()
    #: the neighbourhood association (自治会), and where the door is; None = the list does not say
    association: str | None = None
    street: str | None = None
    #: cannot get to safety alone (避難行動要支援者); is told first
    needs_support: bool = False
    #: its number in the list that it came from
    external_id: str | None = None
