"""A Blank: one thing that an operator fills into a template, and how it reads in each language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from alertd.city import JST, City
from alertd.errors import Problem, WrongAlert
from alertd.language import is_japanese

#: the longest value, in characters; a whole free text may have ten times that
LONGEST = 120

#: what follows a name of a place, in English
_SUFFIXES = {"地区": " District", "地内": "", "周辺": " and around"}
_SENTENCE = re.compile(r"(?<=[。！？\n])|(?<=[.!?] )")
_HOLE = re.compile(r"\{(\w+)\}")


class BlankKind(StrEnum):
    """What belongs into a blank."""

    #: words
    TEXT = "text"
    #: names of areas
    AREA = "area"
    #: the name of a river
    RIVER = "river"
    #: names of shelters
    SHELTER = "shelter"
    #: a time of day: 15:20
    TIME = "time"
    #: a telephone number for people
    PHONE = "phone"
    #: a web address
    URL = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """A hole `{name}` in a template; `label` is by language ("ja", "en")."""

    name: str
    label: Mapping[str, str]
    kind: BlankKind
    example: str
    #: False: sentences that need it are left out, or it fills itself
    required: bool
    #: True: the text itself, so that a language without its own value is left out
    whole: bool = False


def check_value(blank: Blank, key: str, value: str) -> Iterator[Problem]:
    """What is wrong with a value for this blank, for people."""
    label, label_ja = blank.label["en"], f"「{blank.label['ja']}」"
    longest = LONGEST * 10 if blank.whole else LONGEST
    if len(value) > longest:
        yield Problem(
            key,
            f"{label} has {len(value)} characters; use at most {longest}",
            f"{label_ja}が長すぎます（{len(value)}文字）。{longest}文字以内にしてください。",
        )
    if "=?" in value or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in value.strip()):
        yield Problem(
            key,
            f"{label} has a line break, a control character or '=?'; remove it",
            f"{label_ja}に改行・制御文字・「=?」は使えません。削除してください。",
        )
    if re.search(r"[{}○●]", value):
        yield Problem(
            key,
            f"{label} has a bracket or circle that looks like an unfilled blank; replace it",
            f"{label_ja}に未記入の記号（{{ }}、○、●）が残っています。書き換えてください。",
        )
    if blank.kind is BlankKind.TIME and _clock(value) is None:
        yield Problem(
            key,
            f"{label} {value!r} is no time of day; write it like 15:20",
            f"{label_ja}は 15:20 のように入力してください。",
        )
    if blank.kind is BlankKind.URL and not re.fullmatch(r"https?://[^\s\"'<>]+", value):
        yield Problem(
            key,
            f"{label} must begin with https:// and have no spaces",
            f"{label_ja}は https:// で始まるURLを、空白なしで入力してください。",
        )
    if blank.kind is BlankKind.PHONE and not re.fullmatch(r"[0-9][0-9-]{8,13}", value):
        yield Problem(
            key,
            f"{label} must be digits and hyphens, for example {blank.example}",
            f"{label_ja}は数字とハイフンで入力してください。例：{blank.example}",
        )


def fill_text(
    text: str,
    blanks: Sequence[Blank],
    values: Mapping[str, str],
    language: str,
    city: City,
    *,
    spoken: bool,
) -> str:
    """The text with its blanks filled; a sentence that needs an empty optional blank is left out.

    Raises WrongAlert when the text has a hole that is no blank of the template.
    """
    kinds = {blank.name: blank.kind for blank in blanks}
    filled: list[str] = []
    for sentence in _SENTENCE.split(text):
        names = _HOLE.findall(sentence)
        if unknown := [name for name in names if name not in kinds]:
            raise WrongAlert(
                Problem(unknown[0], "the template's text has a hole without a blank; declare it")
            )
        found = {name: values.get(f"{name}@{language}", values.get(name, "")) for name in names}
        if not all(found.values()):
            # the line break of a sentence that is left out stays with those before it
            filled.append("\n" if sentence.endswith("\n") and filled and filled[-1][-1:] != "\n" else "")
            continue
        for name, value in found.items():
            local = local_value(value, kinds[name], language, city, spoken=spoken)
            sentence = sentence.replace(f"{{{name}}}", local)
        filled.append(sentence)
    return "".join(filled).strip()


def local_value(value: str, kind: BlankKind, language: str, city: City, *, spoken: bool) -> str:
    """The value as this language writes or says it."""
    if kind is BlankKind.TIME:
        return _time(value, language, spoken=spoken)
    if kind is BlankKind.PHONE and spoken:
        return value.replace("-", "、" if is_japanese(language) else ", ")
    if kind in (BlankKind.URL, BlankKind.PHONE) or language == "ja":
        return value
    if language == "ja-easy":
        return value if spoken else _with_ruby(value, city)
    return _in_latin(value, city)


def _names(city: City) -> re.Pattern[str]:
    names = sorted((place.name for place in city.places), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, names)) if names else r"(?!)")


def _with_ruby(value: str, city: City) -> str:
    kana = {place.name: place.kana for place in city.places}
    named = _names(city).sub(lambda match: f"{match[0]}（{kana[match[0]]}）", value)
    return named.replace("地区", "地区（ちく）")


def _in_latin(value: str, city: City) -> str:
    """Known names in their English form; what is not known stays, and `lint` points it out."""
    english = {place.name: place.name_en for place in city.places}
    text = _names(city).sub(lambda match: english[match[0]], value)
    for suffix, replacement in _SUFFIXES.items():
        text = text.replace(suffix, replacement)
    return re.sub(r"、\s*", ", ", text)


def _clock(value: str) -> time | None:
    """The time of day, in Japan, of "15:20" or of an ISO instant."""
    value = unicodedata.normalize("NFKC", value).strip()
    try:
        if "T" in value:
            return datetime.fromisoformat(value).astimezone(JST).time()
        return time.fromisoformat(value.zfill(5))
    except ValueError:
        return None


def _time(value: str, language: str, *, spoken: bool) -> str:
    """A time of day in words."""
    at = _clock(value)
    if at is None:
        return value
    half = at.hour % 12
    if not is_japanese(language):
        return f"{half or 12}:{at.minute:02} {'p.m.' if at.hour >= 12 else 'a.m.'}"
    noon = at.hour >= 12
    if language == "ja-easy" and not spoken:
        text = f"{'午後（ごご）' if noon else '午前（ごぜん）'} {half}時（じ）"
        return text + (
            f" {at.minute}分（{'ふん' if at.minute % 10 in (2, 5, 7, 9) else 'ぷん'}）" if at.minute else ""
        )
    return f"{'午後' if noon else '午前'}{half}時" + (f"{at.minute}分" if at.minute else "")
