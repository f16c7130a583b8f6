"""Sealed columns: personal data that the database holds encrypted, and fingerprints to find it by.

The keys travel with the engine (`give_keys`); what is read and written through SQLAlchemy
is plain text. A sealed column cannot be compared, searched or ordered by the database:
equality goes by a `Fingerprint` column beside it, the rest is done here with what is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ClauseElement, Dialect, Engine, String
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

from alertd.errors import WrongSecret
from alertd.key_ring import KeyRing

_ATTRIBUTE = "alertd_key_ring"
_ALLOWED = (operators.is_, operators.is_not)


def give_keys(engine: Engine, ring: KeyRing) -> None:
    """From now on the engine's sessions read and write sealed columns with these keys."""
    setattr(engine.dialect, _ATTRIBUTE, ring)


def keys_of(dialect: Dialect) -> KeyRing:
    """The keys that the engine was given. Raises WrongSecret when it was given none."""
    ring = getattr(dialect, _ATTRIBUTE, None)
    if not isinstance(ring, KeyRing):
        raise WrongSecret("this database was opened without its storage folder, where the keys lie")
    return ring


class Sealed(TypeDecorator[str]):
    """A text that is stored encrypted (AES-256-GCM); an empty one is stored as it is.

    `purpose` is authenticated, so that a value put into another column is refused.
    """

    impl = String
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[str]):
        """Refuses what the database cannot do with something encrypted."""

        def operate(self, op: Any, *other: Any, **words: Any) -> Any:
            # SQLAlchemy itself looks for columns by comparing them
            if op in _ALLOWED or all(isinstance(one, ClauseElement) for one in other):
                return super().operate(op, *other, **words)
            raise TypeError("an encrypted column cannot be compared; use its fingerprint")

    comparator_factory = Comparator

    def __init__(self, purpose: str, length: int) -> None:
        super().__init__(length)
        self.purpose = purpose
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # SQLite does not look at the length; PostgreSQL would count the sealed letters
        return dialect.type_descriptor(String() if dialect.name == "postgresql" else String(self.length))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        purpose = self.purpose.encode()
        return lambda text: keys_of(dialect).seal(purpose, text) if text else text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        purpose = self.purpose.encode()
        ring = getattr(dialect, _ATTRIBUTE, None)
        if not isinstance(ring, KeyRing):
            return lambda sealed: keys_of(dialect).unseal(purpose, sealed) if sealed else sealed
        unseal = ring.unseal  # for an engine, its keys stay the same
        return lambda sealed: unseal(purpose, sealed) if sealed else sealed


class Fingerprint(TypeDecorator[str]):
    """A keyed hash of a text: what is bound to it is hashed, so that `column == text` finds it."""

    impl = String(22)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        # by their bytes: PostgreSQL sorts a million of them three times as fast as words of a language
        return dialect.type_descriptor(String(22, "C") if dialect.name == "postgresql" else String(22))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if not value:
            return value
        return keys_of(dialect).fingerprint(value)


def same_as(column: str) -> Callable[[Any], Any]:
    """The default of a fingerprint column: what is being stored in `column`."""

    def text_of(context: Any) -> Any:
        return context.get_current_parameters()[column]

    return text_of


def opener(engine: Engine, purpose: str) -> Callable[[str], str]:
    """Opens values that were read by a statement written as text."""
    ring, bound = keys_of(engine.dialect), purpose.encode()
    return lambda sealed: ring.unseal(bound, sealed) if sealed else sealed
