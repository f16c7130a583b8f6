"""The Audience: a rule that says whom an alert is meant for. Nobody is refused; everybody is a choice of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from alertd.category import Category
from alertd.errors import Problem, WrongAudience

#: characters of a reason
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """One channel that goes to other areas than the rest: to `areas` (codes), or to everybody."""

    channel: str
    areas: tuple[str, ...] = ()
    everybody: bool = False

    def __post_init__(self) -> None:
        if self.everybody == bool(self.areas):
            raise WrongAudience(
                Problem(
                    "elsewhere",
                    f"name the areas of {self.channel}, or the whole city, and not both",
                    f"「{self.channel}」の地区か「市内全域」の、どちらかを選んでください。",
                )
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Recipients who live in one of `areas` (codes) or belong to one of `groups`.

    `recipient` stands alone: the number of the one person who is to hear a trial call. So
    does `missed`: the number of a dispatch, for those whom it has reached in no way; and
    `told`: those whom it has reached, is reaching or was still to reach, by the same contacts.

    `everybody` stands alone: it means the whole register, whatever the area. Of those who
    have registered by themselves it means the ones who want news of this `category`.

    Channels that go `elsewhere` have areas of their own, and `why` says what for.
    """

    areas: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    everybody: bool = False
    category: Category = Category.LIFE
    recipient: int | None = None
    missed: int | None = None
    told: int | None = None
    elsewhere: tuple[Elsewhere, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        self._check_elsewhere()
        alone = [one for one in (self.recipient, self.missed, self.told) if one is not None]
        if alone:
            if len(alone) > 1 or self.everybody or self.areas or self.groups or self.elsewhere:
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

    def _check_elsewhere(self) -> None:
        names = [one.channel for one in self.elsewhere]
        if len(names) != len(set(names)):
            raise WrongAudience(Problem("elsewhere", "a channel has areas of its own once at most"))
        if names and not self.why.strip():
            raise WrongAudience(
                Problem(
                    "why",
                    f"say why {', '.join(names)} goes to other areas; the approver reads the reason",
                    "手段ごとに地区を変える理由を書いてください。承認者に表示されます。",
                )
            )
        if len(self.why) > LONGEST_REASON or not self.why.isprintable():
            raise WrongAudience(
                Problem(
                    "why",
                    f"the reason is one line of at most {LONGEST_REASON} characters",
                    f"理由は1行、{LONGEST_REASON}文字までにしてください。",
                )
            )
        if self.why and not names:
            raise WrongAudience(
                Problem(
                    "why",
                    "there is a reason, and no channel goes to other areas; choose them, or leave it empty",
                    "理由だけが書かれています。地区を変える手段を選ぶか、理由を空にしてください。",
                )
            )

    def over(self, channel: str) -> Audience:
        """Whom the alert is meant for over one channel."""
        for one in self.elsewhere:
            if one.channel == channel:
                groups = () if one.everybody else self.groups
                return Audience(
                    areas=one.areas, everybody=one.everybody, groups=groups, category=self.category
                )
        return self

    def among(self, channels: Collection[str]) -> Audience:
        """The same, for fewer channels."""
        kept = tuple(one for one in self.elsewhere if one.channel in channels)
        return replace(self, elsewhere=kept, why=self.why if kept else "")

    def as_json(self) -> dict[str, object]:
        """The rule as JSON values; `from_json` reads it back."""
        rest: dict[str, object] = {} if self.category is Category.LIFE else {"category": str(self.category)}
        if self.elsewhere:
            rest |= {
                "elsewhere": {
                    one.channel: "everybody" if one.everybody else sorted(one.areas) for one in self.elsewhere
                },
                "why": self.why,
            }
        if self.recipient is not None:
            return {"recipient": self.recipient, **rest}
        if self.missed is not None:
            return {"missed": self.missed, **rest}
        if self.told is not None:
            return {"told": self.told, **rest}
        if self.everybody:
            return {"everybody": True, **rest}
        return {"areas": sorted(self.areas), "groups": sorted(self.groups), **rest}

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
        found = rule.get("elsewhere", {})
        assert isinstance(found, Mapping)
        elsewhere = tuple(
            Elsewhere(channel=name, everybody=True)
            if codes == "everybody"
            else Elsewhere(channel=name, areas=tuple(map(str, codes)))
            for name, codes in sorted(found.items())
        )
        why = str(rule.get("why", ""))
        if rule.get("everybody"):
            return cls(everybody=True, category=category, elsewhere=elsewhere, why=why)
        areas, groups = rule.get("areas", ()), rule.get("groups", ())
        assert isinstance(areas, list | tuple) and isinstance(groups, list | tuple)
        return cls(
            areas=tuple(map(str, areas)),
            groups=tuple(map(str, groups)),
            category=category,
            elsewhere=elsewhere,
            why=why,
        )

    def about(self, category: Category) -> Audience:
        """The same people, for an alert of this category."""
        return replace(self, category=category)


def audience_hash(audience: Audience, counts: Mapping[str, int]) -> str:
    """What approval binds: the rule and how many contacts it meant on each channel."""
    document = {"rule": audience.as_json(), "counts": dict(sorted(counts.items()))}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
