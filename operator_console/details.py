"""Details: what the engine and our channels say of a delivery, in the operator's language.

The far end's own words stay as they are. The same goes for what is not recognised here,
so that nothing is hidden.
"""

from __future__ import annotations

import re

from alertd import on_air, plan, store
from operator_console.catalogue import mark
from operator_console.labels import STATIONS
from operator_console.visit import Visit

#: what the engine says -> what the operator reads
_KNOWN = {
    **STATIONS,
    store.HALTED: mark("an operator has stopped this channel"),
    store.OWN_WORD: mark("concluded by the system"),
    plan.SUPERSEDED: mark("a newer alert goes to the same address"),
    on_air.ALREADY: mark("this transmitter airs the same alert already"),
    "stopped by an operator": mark("an operator has stopped the alert"),
    "its time ran out": mark("the time for sending was over"),
    "waits for the morning": mark("waits for the morning"),
    "has left the list": mark("has left the list since"),
    "no receipt": mark("sending was interrupted before an answer came"),
    "the sender died after the hand-over had begun": mark("the sender broke down while handing over"),
    "the message is not what was approved": mark(
        "the words are not those that were approved; nothing was sent"
    ),
    "listened to the end": mark("listened to the end"),
    "called back and listened to the end": mark("called back and listened to the end"),
    "still being looked for": mark("the telephone network is still looking for this call"),
    "forgotten": mark("the telephone network knows nothing of this call"),
    "played to the end, but the exchange fell silent": mark(
        "played to the end, but the exchange gave no answer"
    ),
    "the service did not take it over": mark("the service did not take it"),
    "services_file has no service by this name": mark("no service of this name is set up"),
    "at the station": mark("at the station"),
    "being spoken": mark("is being spoken"),
    "its sender is gone, and nobody can say how much was heard": mark(
        "the sender broke down; how much was heard is not known"
    ),
    "queued": mark("the network has taken the call and will dial"),
    "initiated": mark("the network dials"),
    "ringing": mark("the telephone rings"),
    "in-progress": mark("the call is going on"),
    "completed": mark("the call has ended"),
    "taken off the air for something more urgent": mark("taken off the air for something more urgent"),
    "taken off the air: an operator has stopped the alert": mark(
        "taken off the air, because an operator has stopped the alert"
    ),
    "taken off the air: it was on for longer than it may be": mark(
        "taken off the air, because it was on for longer than it may be"
    ),
}
#: the beginning of what the engine says -> the words for it; what follows is said as it is
_BEGINNINGS = {
    "to be aired again: ": mark("to be aired again, as decided: "),
    "bounce: ": mark("came back: "),
    "HTTP ": mark("answer of the web server: "),
}
#: what transmitters say with figures in it -> the words for it; the names are those of the groups
_FIGURES = {
    re.compile(r"on the air for (?P<seconds>[\d.]+) s, to the end"): mark(
        "on the air for %(seconds)s s, to the end"
    ),
    re.compile(r"cut short after (?P<heard>[\d.]+) of (?P<whole>[\d.]+) s"): mark(
        "cut short after %(heard)s of %(whole)s s"
    ),
}


def said(visit: Visit, detail: str) -> tuple[str, str]:
    """The detail as this visitor reads it: what we say of it, and the far end's own words after that."""
    if detail in _KNOWN:
        return visit.say(_KNOWN[detail]), ""
    ours, semicolon, theirs = detail.partition("; ")
    if semicolon and ours in _KNOWN:
        return f"{visit.say(_KNOWN[ours])} ", theirs
    for figures, words in _FIGURES.items():
        if found := figures.fullmatch(detail):
            return visit.say(words, **found.groupdict()), ""
    for beginning, words in _BEGINNINGS.items():
        if detail.startswith(beginning):
            return visit.say(words), detail.removeprefix(beginning).removesuffix(" has decided it")
    return "", detail
