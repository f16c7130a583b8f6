"""The trouble of a drill: what its checks found and why it ended, in the operator's language.

The engine speaks English; its sentences are recognised here. What is not recognised (a
far end's own words, a person's reason) is shown as it is, so that nothing is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from alertd.errors import MoveRefused
from operator_console.catalogue import mark
from operator_console.refusal import refusal
from operator_console.visit import Visit

#: the engine's sentence, with what is filled in -> what the operator reads
_KNOWN = {
    re.compile(pattern): words
    for pattern, words in {
        "its words and sounds are not ready": mark("Its words and sounds are not ready."),
        r"a real alert is in force or was until a short time ago \(dispatch (?P<number>\d+)\)": mark(
            "A real alert is in force or was until a short time ago (alert %(number)s)."
        ),
        "drills are frozen or far ends are maintained; nothing goes out": mark(
            "Drills are frozen, or far ends are under maintenance: no drill goes out until that is over."
        ),
        "it is not there": mark("It is not there."),
        r"it is \w+, no longer waiting": mark("It does not wait any more: it was called off or sent."),
        "nobody has armed it": mark("Nobody has armed it."),
        "it was armed more than 24 hours before; arm it again": mark(
            "It was armed more than 24 hours before. Please arm it again."
        ),
        "it is not what was armed": mark("It is not what was armed. Please schedule the drill anew."),
        "(?P<name>.+), who armed it, has left": mark("%(name)s, who armed it, works here no longer."),
        "its words or sounds are not those that were handed in": mark(
            "Its words or sounds were changed afterwards. Please schedule the drill anew."
        ),
        r"its status is \w+, not Exercise": mark("It is no drill any more. Please schedule the drill anew."),
        r"(?:\w+: )?a drill or test does not say so at its start and end; render it again": mark(
            "It does not say at its start and end that it is a drill. Please schedule the drill anew."
        ),
        "its audience is not the one that was handed in": mark(
            "Those whom it goes to were changed afterwards. Please schedule the drill anew."
        ),
        "(?:channels: )?channel “(?P<name>.+)” is no longer there": mark(
            "The channel “%(name)s” is no longer there."
        ),
        "(?:channels: )?channel “(?P<name>.+)” does not carry Exercise; .+": mark(
            "The channel “%(name)s” carries no drills. Please choose another one."
        ),
        "(?:channels: )?channel “(?P<name>.+)” carries real alerts too; .+": mark(
            "The channel “%(name)s” carries real alerts too. A drill needs a channel of its own."
        ),
        "nobody would be reached any more": mark("Nobody would be reached any more."),
        "its audience on (?P<name>.+) has more than doubled since it was handed in": mark(
            "It would reach more than twice as many by %(name)s as when it was made."
        ),
        r"message (?P<number>\d+) could not go out within 10 minutes of its time": mark(
            "Message %(number)s could not go out within 10 minutes of its time."
        ),
        "(?:channels: )?no section is for drills alone; .+": mark("No channel is for drills alone."),
        "audience: nobody would be reached; .+": mark("Nobody would be reached."),
        "there is no area “(?P<name>.+)”; .+": mark("There is no area “%(name)s”."),
        "there is no channel “(?P<name>.+)”; .+": mark("There is no channel “%(name)s”."),
        "stopped on the command line": mark("Stopped on the command line"),
    }.items()
}
_MESSAGE = re.compile(r"message (?P<number>\d+): (?P<rest>.+)", re.DOTALL)
_FAR_END = re.compile(r"channel (?P<name>[\w-]+): (?P<rest>.+)", re.DOTALL)
_PREPARED = re.compile(r"the drill cannot be prepared: (?P<rest>.+)", re.DOTALL)
#: between two sentences of a drill's end
_NEXT = re.compile(r"; (?=message \d+|channel [\w-]+: |a real alert |its words )")


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence: what we say, and after it what somebody else said, in English or in their own words."""

    ours: str
    theirs: str = ""


def said(visit: Visit, sentence: str) -> Said:
    """A sentence of a check."""
    if (found := _MESSAGE.fullmatch(sentence)) is not None:
        rest = said(visit, found["rest"])
        return Said(visit.say("Message %(number)s: ", number=found["number"]) + rest.ours, rest.theirs)
    for pattern, words in _KNOWN.items():
        if (found := pattern.fullmatch(sentence)) is not None:
            return Said(visit.say(words, **found.groupdict()))
    if (found := _FAR_END.fullmatch(sentence)) is not None:
        return Said(visit.say("The channel %(name)s does not answer: ", name=found["name"]), found["rest"])
    if (found := _PREPARED.fullmatch(sentence)) is not None:
        rest = said(visit, found["rest"])
        return Said(visit.say("The drill cannot be prepared: ") + rest.ours, rest.theirs)
    refused = refusal(visit, MoveRefused(sentence))
    return Said(refused) if refused != sentence else Said("", sentence)


def why(visit: Visit, sentences: str | None) -> Sequence[Said]:
    """Why a drill ended, or could not be prepared, sentence by sentence."""
    return [said(visit, one) for one in _NEXT.split(sentences)] if sentences else ()
