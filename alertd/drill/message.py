"""The messages of a scenario's file: its steps, its announcements, and the word that breaks it off."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from alertd.drill.document import Place
from alertd.drill.scenario import LIFE, Meant, Part, Step
from alertd.drill.value import area_names, audiences, length, need, offset, time_of_day
from alertd.template import Template, templates

#: the longest drill, from T to its last step
LONGEST = timedelta(hours=12)

_STEP = ("at", "template", "values", "channels", "areas", "audience", "siren", "life")
_ANNOUNCE = ("at", "before", "channels", "areas", "audience")


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    """What holds for every step that does not say otherwise."""

    channels: tuple[str, ...]
    areas: tuple[str, ...]
    meant: tuple[Meant, ...]
    siren: bool


def step_of(place: Place, general: General) -> Step:
    """One step."""
    table = place.table(_STEP)
    at = need(place, table, "at", "T+10m")
    after = timedelta()
    if at is not None:
        found = offset(at)
        if found is None:
            place.findings.add(at, "is no time after the start; write T, T+10m or T+1h30m", "例：T+10m")
        else:
            after = found
            if after > LONGEST:
                place.findings.add(
                    at,
                    "is later than twelve hours after the start; make it two drills",
                    "開始から12時間を超えています。2回の訓練に分けてください。",
                )
    template = need(place, table, "template", "flood-4")
    values = (
        {key: value.text for key, value in table["values"].table(None).items()} if "values" in table else {}
    )
    if template is not None:
        known = _template(template)
        if known is not None:
            _check_values(table.get("values", template), known, values)
    return Step(
        part=Part.STEP,
        after=after,
        template=template.text if template is not None else "",
        values=values,
        channels=table["channels"].texts() if "channels" in table else general.channels,
        areas=area_names(table["areas"]) if "areas" in table else general.areas,
        meant=audiences(table["audience"]) if "audience" in table else general.meant,
        siren=table["siren"].yes() if "siren" in table else general.siren,
        life=length(table["life"], LIFE) if "life" in table else LIFE,
    )


def announcements(place: Place | None, general: General, title: Mapping[str, str]) -> tuple[Step, ...]:
    """What is said before the drill, the earliest first."""
    made = []
    for one in place.items() if place is not None else []:
        table = one.table(_ANNOUNCE)
        eve = after = None
        if "at" in table:
            words = table["at"].text.lower()
            eve = time_of_day(table["at"], words.removeprefix("day before").strip())
        elif "before" in table:
            after = -length(table["before"], timedelta(minutes=10))
        else:
            one.findings.add(
                one,
                "say when: “at: day before 17:00” or “before: 10m”",
                "例：at: day before 17:00、before: 10m",
            )
        made.append(
            Step(
                part=Part.ANNOUNCEMENT,
                after=after,
                eve=eve,
                template="drill-notice",
                values=_called(title),
                channels=table["channels"].texts() if "channels" in table else general.channels,
                areas=area_names(table["areas"]) if "areas" in table else general.areas,
                meant=audiences(table["audience"]) if "audience" in table else general.meant,
                life=timedelta(hours=12) if eve is not None else timedelta(minutes=30),
            )
        )
    return tuple(sorted(made, key=lambda step: (step.eve is None, step.after or timedelta())))


def last_word(place: Place | None, general: General, title: Mapping[str, str], told: list[Step]) -> Step:
    """The word to all who heard of the drill; over the channels that it names, else all that were used."""
    table = place.table(("channels",)) if place is not None else {}
    used = tuple(dict.fromkeys(name for step in told for name in step.channels))
    everywhere = any(not step.channels for step in told)
    meant = tuple(dict.fromkeys(one for step in told for one in step.meant)) or general.meant
    return Step(
        part=Part.ABORT,
        after=None,
        template="drill-abort",
        values=_called(title),
        channels=table["channels"].texts() if "channels" in table else () if everywhere else used,
        areas=()
        if any(not step.areas for step in told)
        else tuple(dict.fromkeys(name for step in told for name in step.areas)),
        meant=(Meant.EVERYBODY,) if Meant.EVERYBODY in meant else meant,
        life=timedelta(hours=12),
    )


def _called(title: Mapping[str, str]) -> Mapping[str, str]:
    names = {"drill_name": title.get("ja", "")}
    return names | {f"drill_name@{language}": name for language, name in title.items() if language != "ja"}


def _template(place: Place) -> Template | None:
    there = templates()
    if place.text in there:
        return there[place.text]
    near = difflib.get_close_matches(place.text, list(there), n=1)
    hint = f"did you mean “{near[0]}”?" if near else f"there are: {', '.join(sorted(there))}"
    place.findings.add(place, f"there is no template “{place.text}”; {hint}", "その定型文はありません。")
    return None


def _check_values(place: Place, template: Template, values: Mapping[str, str]) -> None:
    blanks = {blank.name: blank for blank in template.blanks}
    for key in values:
        if key.partition("@")[0] not in blanks:
            place.findings.add(
                place,
                f"template {template.id} has no blank “{key}”; it has {', '.join(blanks)}",
                f"定型文に「{key}」の項目はありません。",
            )
    for blank in template.blanks:
        if blank.required and not values.get(blank.name):
            place.findings.add(
                place,
                f"“{blank.name}” is left blank; add, for example, “{blank.name}: {blank.example}” to the values",
                f"「{blank.label['ja']}」が空欄です。例：{blank.example}",
            )
