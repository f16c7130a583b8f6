"""A Visit: one request, who makes it, and in which language they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from alertd.dispatch import Person, Role
from alertd.errors import Problem
from alertd.site import Site
from operator_console.catalogue import translate
from operator_console.signed_in import Other


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What an endpoint needs to know; `person` None = not signed in."""

    site: Site
    path: str
    person: Person | None
    #: the token that every form of this session carries
    csrf: str
    language: str
    now: datetime
    #: of the URL, last one wins
    query: Mapping[str, str]
    #: fields of the body; a field may come several times
    form: Mapping[str, tuple[str, ...]]
    #: the other end of the connection
    client: str
    #: of the session cookie; None = there is none
    token: str | None
    #: other sessions of the same person, of which they have not said that they are theirs
    others: Sequence[Other] = ()
    #: files that came with the form
    files: Mapping[str, bytes] = field(default_factory=dict)

    def say(self, message: str, **values: object) -> str:
        """The message in the visitor's language."""
        return translate(self.language, message, **values)

    def problem(self, problem: Problem) -> str:
        """What is wrong with a field, in the visitor's language where it is known."""
        return problem.message_ja if self.language == "ja" and problem.message_ja else problem.message

    def field(self, name: str) -> str:
        """The last value of a field of the form, without spaces around it; empty when it is missing."""
        return (self.form.get(name) or ("",))[-1].strip()

    def fields(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        return self.form.get(name, ())

    def may(self, *roles: Role) -> bool:
        """Whether the visitor has one of these roles."""
        return self.person is not None and bool(self.person.roles & set(roles))

    @property
    def operator(self) -> Person:
        """Who is signed in; only for pages that nobody else reaches."""
        assert self.person is not None, "the page was admitted without a person"
        return self.person


def visit_of(request: Request) -> Visit:
    """The visit that the admission has made of a request."""
    visit: Visit = request.state.visit
    return visit


Visited = Annotated[Visit, Depends(visit_of)]
