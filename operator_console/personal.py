"""Personal data on screen: who may see how somebody is reached, and who may enter what came of a visit."""

from __future__ import annotations

from alertd.dispatch import Role

#: see numbers, addresses and streets; the others see names only
SEES = (Role.DRAFT, Role.APPROVE, Role.SEND, Role.ADMINISTER)
#: take calls for help and enter visits; trainees in drills only
ENTERS = frozenset((*SEES, Role.TRAINEE))
