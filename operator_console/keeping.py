"""Keeping what somebody is writing, as it is now, and settling it when it was submitted."""

from __future__ import annotations

from alertd import saved_draft
from alertd.db import reading, writing
from alertd.tables import SavedDraftRow
from operator_console import draft as drafts
from operator_console.draft import Draft
from operator_console.visit import Visit


def keep(visit: Visit, draft: Draft) -> SavedDraftRow:
    """Keeps the draft as it is, for whoever goes on writing."""
    with writing(visit.site.engine) as session:
        return saved_draft.keep(
            session,
            draft.token,
            visit.operator,
            draft.template.id,
            draft.status,
            drafts.form_of(draft),
            visit.now,
        )


def settle(visit: Visit, draft: Draft, dispatch: int) -> None:
    """The draft was submitted; its form is what follow-ups begin with."""
    row = keep(visit, draft)
    with writing(visit.site.engine) as session:
        saved_draft.settle(session, row.id, visit.now, dispatch=dispatch)


def old(visit: Visit, draft: Draft) -> bool:
    """Whether its facts have to be looked at anew."""
    with reading(visit.site.engine) as session:
        return saved_draft.old(saved_draft.saved(session, draft.token), visit.now)
