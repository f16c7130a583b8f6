"""The Audience: a rule that says whom an alert is meant for. Nobody is refused; everybody is a choice of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from alertd.category import Category
from alertd.errors import Problem, WrongAudience


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Recipients who live in one of `areas` (codes) or belong to one of `groups`.

    `recipient` stands alone: the number of the one person who is to hear a trial call. So
    does `missed`: the number of a dispatch, for those whom it has reached in no way; and
    `told`: those whom it has reached, is reaching or was still to reach, by the same contacts.

    `everybody` stands alone: it means the whole register, whatever the area. Of those who
    have registered by themselves it means the ones who want news of this `category`.
    """

    areas: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    everybody: bool = False
    category: Category = Category.LIFE
    recipient: int | None = None
    missed: int | None = None
    told: int | None = None

    def __post_init__(self) -> None:
        alone = [one for one in (self.recipient, self.missed, self.told) if one is not None]
        if alone:
            if len(alone) > 1 or self.everybody or self.areas or self.groups:
                raise WrongAudience(
                    Problem(
                        "audience",
                        "one recipient, the missed or the told cannot be combined with anybody else",
                    )
                )
            return
        if self.everybody and (self.areas or self.groups):
            raise WrongAudience(
                Problem("audience", "“everybody” cannot be combined with areas or groups; choose one")
            )
        if not (self.everybody or self.areas or self.groups):
            raise WrongAudience(
                Problem("audience", "nobody was chosen; name at least one area or group, or “everybody”")
            )

    def as_json(self) -> dict[str, object]:
        """The rule as JSON values; `from_json` reads it back."""
        category = {} if self.category is Category.LIFE else {"category": str(self.category)}
        if self.recipient is not None:
            return {"recipient": self.recipient, **category}
        if self.missed is not None:
            return {"missed": self.missed, **category}
        if self.told is not None:
            return {"told": self.told, **category}
        if self.everybody:
            return {"everybody": True, **category}
        return {"areas": sorted(self.areas), "groups": sorted(self.groups), **category}

    @classmethod
    def from_json(cls, rule: Mapping[str, object]) -> Audience:
        """The audience of a stored rule."""
        category = Category(str(rule.get("category", Category.LIFE)))
        alone = {
            name: number
            for name in ("recipient", "missed", "told")
            if isinstance(number := rule.get(name), int)
        }
        if alone:
            return cls(
                recipient=alone.get("recipient"),
                missed=alone.get("missed"),
                told=alone.get("told"),
                category=category,
            )
        if rule.get("everybody"):
            return cls(everybody=True, category=category)
        areas, groups = rule.get("areas", ()), rule.get("groups", ())
        assert isinstance(areas, list | tuple) and isinstance(groups, list | tuple)
        return cls(areas=tuple(map(str, areas)), groups=tuple(map(str, groups)), category=category)

    def about(self, category: Category) -> Audience:
        """The same people, for an alert of this category."""
        return replace(self, category=category)


def audience_hash(audience: Audience, counts: Mapping[str, int]) -> str:
    """What approval binds: the rule and how many contacts it meant on each channel."""
    document = {"rule": audience.as_json(), "counts": dict(sorted(counts.items()))}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
