"""A YAML document whose every value knows its line, so that a mistake can be named where it stands.

Values stay the texts that were written: `09:00` is no number of seconds and `no` is a
word until somebody asks for a time or for yes or no.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import yaml

from alertd.errors import Problem, WrongInput

#: the longest scenario, in characters
LONGEST = 64_000
_YES, _NO = frozenset({"yes", "true", "on", "はい"}), frozenset({"no", "false", "off", "いいえ"})


class WrongScenario(WrongInput):
    """The scenario of a drill cannot be used."""


@dataclass(slots=True)
class Findings:
    """What is wrong so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, place: Place, message: str, message_ja: str = "") -> None:
        """Notes what is wrong at a place and what to do."""
        self.problems.append(Problem(place.name, message, message_ja))


@dataclass(frozen=True, slots=True)
class Place:
    """One value of the document: where it is, and what stands there."""

    path: str
    node: yaml.Node
    findings: Findings

    @property
    def name(self) -> str:
        """`line 12, steps[0].template`"""
        return f"line {self.node.start_mark.line + 1}, {self.path or 'the document'}"

    @property
    def text(self) -> str:
        """The written text; empty for anything else, which is noted."""
        if isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value).strip()
        self.findings.add(self, "must be one text", "文字で書いてください。")
        return ""

    def yes(self) -> bool:
        """Yes or no; anything else is noted."""
        word = self.text.lower()
        if word not in _YES | _NO:
            self.findings.add(self, "must be yes or no", "yes か no で書いてください。")
        return word in _YES

    def items(self) -> list[Place]:
        """The members of a list; a single value is a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [
                Place(f"{self.path}[{number}]", one, self.findings)
                for number, one in enumerate(self.node.value)
            ]
        return [self]

    def texts(self) -> tuple[str, ...]:
        """The written texts of a list."""
        return tuple(one.text for one in self.items())

    def table(self, known: Iterable[str] | None = None) -> dict[str, Place]:
        """The values by key; a key that is not `known` or comes twice is noted. None = any key."""
        if not isinstance(self.node, yaml.MappingNode):
            self.findings.add(
                self, "must be a table of “key: value” lines", "「キー: 値」の形で書いてください。"
            )
            return {}
        found: dict[str, Place] = {}
        for key, place in self._pairs():
            if known is not None and key not in known:
                near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
                hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(known)}"
                self.findings.add(place, f"unknown key “{key}”; {hint}", f"「{key}」という項目はありません。")
            elif key in found:
                self.findings.add(
                    place, f"“{key}” is there twice; keep one of them", f"「{key}」が2回あります。"
                )
            else:
                found[key] = place
        return found

    def _pairs(self) -> Iterator[tuple[str, Place]]:
        assert isinstance(self.node, yaml.MappingNode)
        for key, value in self.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            yield name, Place(f"{self.path}.{name}" if self.path else name, value, self.findings)


def read_document(text: str) -> Place:
    """The document of a YAML text. Raises WrongScenario with line and column when it is none."""
    if len(text) > LONGEST:
        raise WrongScenario(
            Problem(
                "",
                f"the scenario is longer than {LONGEST} characters; shorten it",
                f"{LONGEST}文字を超えています。短くしてください。",
            )
        )
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        raise WrongScenario(
            Problem(
                where,
                f"this is not YAML: {error.problem or error.context}; look at the indentation and the quotes",
                "YAML として読めません。字下げと引用符を確かめてください。",
            )
        ) from None
    except (yaml.YAMLError, RecursionError):
        raise WrongScenario(Problem("", "this is not YAML text", "YAML の文書ではありません。")) from None
    if node is None:
        raise WrongScenario(Problem("", "the scenario is empty", "シナリオが空です。"))
    return Place("", node, Findings())
