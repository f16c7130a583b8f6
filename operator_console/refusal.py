"""A refusal: why the rules do not allow a move, in the operator's language.

The rules speak English; what they say is recognised here. What is not recognised is
shown as it is, so that nothing is hidden.
"""

from __future__ import annotations

from alertd.city import JST
from alertd.errors import MoveRefused, OverrideSpent, TooManyThisHour
from operator_console.catalogue import mark
from operator_console.visit import Visit

#: a piece of the rule's sentence -> what the operator reads
_KNOWN = {
    "another person must approve it": mark(
        "You submitted this alert yourself. A real alert needs another person to approve it."
    ),
    "what you were shown is not what is stored": mark(
        "The alert was changed while you were reading it. Please read it again."
    ),
    "the alert has expired": mark("The alert has expired. Please write it anew with the present facts."),
    "can only work on drills": mark("Trainees can only work on drills."),
    "life-threat templates only": mark(
        "The emergency override is for templates about a threat to life. Please ask a second person."
    ),
    "sending alone needs a second factor": mark(
        "To send alone you need a second factor. Please set one up on the page behind your name."
    ),
    "the code of the second factor": mark(
        "The code does not fit or was used before. Please wait for the next one."
    ),
    "another person must review it": mark(
        "You sent this alone yourself. Another approver has to look at it."
    ),
    "it is not frozen any more": mark("Somebody has lifted it already."),
    "write why everything is frozen": mark("Please say why everything is frozen."),
    "maintenance ends by itself": mark("Please choose after how many hours maintenance ends by itself."),
    "maintenance lasts at most": mark("Maintenance lasts at most eight hours at a time."),
    "not those that you were shown": mark(
        "The settings were changed while you were reading them. Please read them again."
    ),
    "no settings wait": mark("Somebody has confirmed them already, or the old file was put back."),
    "nothing is sent for now": mark("Nothing is sent for now: everything is frozen, or under maintenance."),
    "is not held": mark("Somebody has let it go on already."),
    "waits for no review": mark("Somebody has looked at it already."),
    "arm the drill instead": mark("This message belongs to a drill. Please arm the drill."),
    "open the drill again": mark("The drill was changed while you were reading it. Please read it again."),
    "the drill has ended": mark("The drill has ended already."),
    "no message is due within 24 hours": mark("A drill is armed within 24 hours before its messages."),
    "needs a reason of at least": mark("Please give the reason in at least five characters."),
    "at night": mark("Test calls are not made at night. Please call in the morning."),
    "a real alert is going out": mark(
        "A real alert is going out and needs the lines. Please call when it has ended."
    ),
    "trial calls in the last hour": mark(
        "Very many test calls were made in the last hour. Please go on in an hour."
    ),
    "wait ten minutes": mark("This number had a test call a few minutes ago. Please wait ten minutes."),
    "that went out and was not called off": mark(
        "Only an alert that went out and was not called off can be sent once more."
    ),
    "only an alert that went out can be followed up": mark(
        "Only an alert that went out can be followed up. A draft or a correction cannot."
    ),
    "none of these channels is stopped": mark("Somebody has let these channels go on already."),
    "why it goes on": mark("Please say why it goes on."),
    "another person must permit it": mark(
        "You submitted this alert yourself. Somebody else has to agree to it."
    ),
    "another person must take over": mark("You wrote this note yourself. Somebody else takes over."),
    "somebody has taken over already": mark("Somebody has taken over already."),
    "may not add to the chronicle": mark("Your role does not allow this."),
    "may not tick the checklist": mark("Your role does not allow this."),
    "goes out at its time": mark("This message belongs to a drill. Please arm the drill."),
    "it is no step of a drill": mark("This is no message of a drill. A person approves it."),
    "is never sent by the clock": mark("Only drills go out by the clock. A person approves this alert."),
    "only a trial call": mark("On one person's word only a test call to one recipient goes out."),
    "airs nothing": mark("This channel airs nothing. Please send the alert again by a new one."),
    "write it anew": mark("The alert has expired. Please write it anew with the present facts."),
    "schedule the drill anew": mark("A message of the drill was changed. Please schedule the drill anew."),
    "schedule it anew": mark("The drill cannot go on like this. Please schedule it anew."),
    "not ready yet": mark(
        "Words and sounds of the drill are still being made. Please try again in a moment."
    ),
    "give a later one": mark("That time has passed. Please give a later one."),
    "needs a signed-in operator": mark("Please sign in again."),
    "is needed": mark("Your role does not allow this."),
    "cannot be moved by": mark("Somebody else was faster: the alert is not in this state any more."),
}


def refusal(visit: Visit, error: MoveRefused) -> str:
    """The sentence for a refused move."""
    if isinstance(error, OverrideSpent):
        return visit.say(
            "An alert was sent alone within the hour already. Please ask for ordinary approval: %(who)s. "
            "All approvers are told that you wait. Alone again from %(time)s on.",
            who=visit.say(", ").join(error.approvers)
            or visit.say("nobody; an administrator can give the role"),
            time=f"{error.free_at.astimezone(JST):%H:%M}",
        )
    if isinstance(error, TooManyThisHour):
        return visit.say(
            "%(count)s real alerts were approved within the hour. One more needs the word of somebody with the "
            "role administer, on this page or by approving it. If life is in danger it can be sent alone.",
            count=error.count,
        )
    said = str(error)
    return next((visit.say(words) for piece, words in _KNOWN.items() if piece in said), said)
