"""Labels: what the engine's own words are called on screen; each is translated where it is shown."""

from __future__ import annotations

from alertd.airing import AiringState
from alertd.alert import Status
from alertd.category import Category
from alertd.channel import Answer, Medium, Outcome, Reason
from alertd.dispatch import Role, State
from alertd.follow_up import FollowUp
from alertd.report import PENDING
from alertd.taking import Visit
from operator_console.catalogue import mark

STATUSES = {
    Status.ACTUAL: mark("REAL"),
    Status.EXERCISE: mark("DRILL"),
    Status.TEST: mark("TEST"),
}

STATES = {
    State.DRAFT: mark("Prepared"),
    State.SUBMITTED: mark("Waiting for approval"),
    State.APPROVED: mark("Approved"),
    State.SENDING: mark("Sending"),
    State.FINISHED: mark("Finished"),
    State.REJECTED: mark("Rejected"),
    State.CANCELLED: mark("Stopped"),
}

#: each with the word that Japanese staff use for it
FOLLOW_UPS = {
    FollowUp.UPDATE: mark("More to say"),
    FollowUp.CORRECTION: mark("Put right"),
    FollowUp.CANCEL: mark("Call off"),
    FollowUp.ALL_CLEAR: mark("All clear"),
    FollowUp.SWITCH: mark("Switch"),
}
#: when each is meant
FOLLOW_UP_HINTS = {
    FollowUp.UPDATE: mark("there is news"),
    FollowUp.CORRECTION: mark("a part of it was wrong"),
    FollowUp.CANCEL: mark("it was wrong as a whole"),
    FollowUp.ALL_CLEAR: mark("the danger is over"),
    FollowUp.SWITCH: mark("another level or danger"),
}

#: in the order in which a board shows them: the best news first
OUTCOMES = {
    Outcome.ACKNOWLEDGED.value: mark("Answered"),
    Outcome.DELIVERED.value: mark("Arrived"),
    Outcome.ACCEPTED.value: mark("Handed over"),
    PENDING: mark("To be sent"),
    Outcome.DEFERRED.value: mark("Will be retried"),
    Outcome.UNKNOWN.value: mark("Not known"),
    Outcome.FAILED.value: mark("Failed"),
    Outcome.EXPIRED.value: mark("Expired"),
    Outcome.CANCELLED.value: mark("Stopped before sending"),
}

REASONS = {
    Reason.BUSY: mark("line engaged"),
    Reason.NO_ANSWER: mark("no answer"),
    Reason.MACHINE: mark("answering machine"),
    Reason.HUNG_UP: mark("hung up before the end"),
    Reason.BAD_ADDRESS: mark("no such address"),
    Reason.REFUSED: mark("refused by the far end"),
    Reason.RATE_LIMITED: mark("too fast for the far end"),
    Reason.QUIET_HOURS: mark("waits for the morning"),
    Reason.PREEMPTED: mark("gave way to something more urgent"),
    Reason.TIMEOUT: mark("no reply in time"),
    Reason.UNREACHABLE: mark("far end not reachable"),
    Reason.IN_DOUBT: mark("interrupted while sending"),
    Reason.UNDER_WAY: mark("being carried out"),
    Reason.UNCONFIRMED: mark("sent, not confirmed"),
    Reason.OTHER: mark("other"),
}

#: what stations say of themselves, in the words of their channel
STATIONS = {
    text: text
    for text in (
        mark("the station has answered"),
        mark("the station has answered; its battery is low"),
        mark("sent, unconfirmed: this station cannot answer"),
        mark("sent, unconfirmed: the station did not answer"),
        mark("the station answers that it could not speak"),
        mark("the gateway knows no station of this number"),
        mark("waits behind other announcements"),
        mark("is being spoken"),
        mark("on the desk"),
    )
}

#: of a transmitter
AIRINGS = {
    AiringState.REQUESTED: mark("asked for"),
    AiringState.SIGNALLED: mark("receivers are being switched on"),
    AiringState.ON_AIR: mark("on the air"),
    AiringState.ENDED: mark("aired, not given back yet"),
    AiringState.RELEASED: mark("aired to the end"),
    AiringState.UNCONFIRMED: mark("sent; nobody has heard it on the air"),
    AiringState.PREEMPTED: mark("gave way to something more urgent"),
    AiringState.TRUNCATED: mark("cut short"),
    AiringState.REFUSED: mark("not aired"),
    AiringState.UNKNOWN: mark("nobody can tell; please ask the station"),
}

ANSWERS = {
    Answer.UNDERSTOOD: mark("understood"),
    Answer.STAYING: mark("staying in a safe place"),
    Answer.EVACUATING: mark("evacuating"),
    Answer.HELP: mark("needs help"),
}

VISITS = {
    Visit.SAFE: mark("met, safe"),
    Visit.EVACUATED: mark("evacuated"),
    Visit.STAYING: mark("stays in a safe place"),
    Visit.NEEDS_HELP: mark("needs rescue"),
    Visit.ABSENT: mark("nobody there"),
}

KINDS = {
    "email": mark("E-mail"),
    "voice": mark("Landline call"),
    "sip": mark("Landline call over the exchange"),
    "fm": mark("Community FM interrupt"),
    "radio": mark("Disaster radio"),
    "gateway": mark("Disaster radio with answer-back"),
    "radio_phone": mark("Disaster radio by telephone"),
    "desk": mark("By hand"),
    "press": mark("Press"),
    "webhook": mark("Webhook"),
    "sms": mark("Text message (SMS)"),
    "apprise": mark("Other services (Apprise)"),
}

MEDIA = {
    Medium.TEXT: mark("to be read"),
    Medium.CALL: mark("spoken on the telephone"),
    Medium.BROADCAST: mark("spoken on the radio"),
    Medium.OUTDOOR: mark("spoken by loudspeakers outdoors"),
}

CATEGORIES = {
    Category.LIFE: mark("Life-saving information"),
    Category.SHELTER: mark("Shelters"),
    Category.WEATHER: mark("Weather warnings"),
    Category.EARTHQUAKE: mark("Earthquakes and volcanoes"),
    Category.CIVIL_PROTECTION: mark("Civil protection"),
    Category.FIRE: mark("Fires"),
    Category.MISSING_PERSON: mark("Missing persons"),
    Category.CRIME: mark("Crime and fraud"),
    Category.WILDLIFE: mark("Bears and other animals"),
    Category.LIFELINE: mark("Water, power, roads, snow"),
    Category.NOTICE: mark("Important news of the city"),
    Category.DRILL: mark("Drills and tests"),
}

ROLES = {
    Role.VIEW: mark("view"),
    Role.DRAFT: mark("write"),
    Role.APPROVE: mark("approve"),
    Role.SEND: mark("send and stop"),
    Role.ADMINISTER: mark("administer"),
    Role.TRAINEE: mark("trainee"),
    Role.AUDITOR: mark("audit"),
}
