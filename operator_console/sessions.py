"""Sessions of one person: the other ones are theirs, or end at once; and why one has ended, in words."""

from __future__ import annotations

from fastapi import Response
from fastapi.responses import RedirectResponse

from alertd.session_end import Ended
from operator_console import signed_in
from operator_console.catalogue import mark
from operator_console.signed_in import TimedOut
from operator_console.visit import Visit, Visited

#: why somebody was thrown out, as they read it where they sign in again
WORDS = {
    TimedOut.IDLE: mark("You were signed out because nothing was done here for 30 minutes."),
    TimedOut.ABSOLUTE: mark("You were signed out because 12 hours have passed since you signed in."),
    Ended.ELSEWHERE: mark(
        "You were signed out from another place where somebody is signed in under your name. "
        "If that was not you, please call an administrator at once."
    ),
    Ended.PASSWORD: mark("You were signed out because your password was changed."),
    Ended.DEVICE: mark("You were signed out because your second factor was taken away."),
    Ended.OFF: mark("An administrator has stopped sign-in under your name. Please ask there."),
}


def known(visit: Visited) -> Response:
    """POST /sessions/known: the other sessions are the person's own."""
    assert visit.token is not None, "a session has a cookie"
    signed_in.know_others(visit.site, visit.token)
    return RedirectResponse("/hand-over", 303)


def end_others(visit: Visited) -> Response:
    """POST /sessions/end-others: every other session of the person ends at once."""
    assert visit.token is not None, "a session has a cookie"
    ended = signed_in.end_others(visit.site, visit.token, visit.operator)
    return RedirectResponse("/hand-over?ended=yes" if ended is not None else "/sign-in", 303)


def thrown_out(visit: Visit) -> str | None:
    """Why the session of the visitor's cookie has ended; None for whoever never had one, or left."""
    why = signed_in.why_ended(visit.site, visit.token) if visit.token is not None else None
    return visit.say(WORDS[why]) if why in WORDS else None
