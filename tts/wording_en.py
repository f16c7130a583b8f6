"""Wording of English: what is written becomes what is spoken."""

from __future__ import annotations

import re
import unicodedata

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MONTHS = "January February March April May June July August September October November December".split()
_UNITS = {
    "mm/h": "millimeters per hour",
    "km/h": "kilometers per hour",
    "m/s": "meters per second",
    "hPa": "hectopascals",
    "mm": "millimeters",
    "cm": "centimeters",
    "km": "kilometers",
    "kg": "kilograms",
    "m": "meters",
    "%": "percent",
    "°C": "degrees Celsius",
    "℃": "degrees Celsius",
}
_SYMBOLS = {
    "&": " and ",
    "@": " at ",
    "+": " plus ",
    "=": " equals ",
    "→": " to ",
    "#": " number ",
    "*": " star ",
    "※": "",
    "•": "",
    "■": "",
    "●": "",
    "…": "...",
}


def spoken(text: str) -> str:
    """1. web addresses 2. times and dates 3. telephone numbers 4. ranges, minus, units
    5. names that the engines would misread 6. symbols and brackets."""
    text = unicodedata.normalize("NFKC", text.replace("℃", "°C").replace("〜", "~").replace("～", "~"))
    text = re.sub(r"https?://\S+", "the city website", text)
    text = re.sub(r"\b(20\d\d)[-/](\d{1,2})[-/](\d{1,2})\b", _date, text)
    text = re.sub(r"\b([01]?\d|2[0-4]):([0-5]\d)\b(\s*[ap]\.?m\.?)?", _time, text, flags=re.IGNORECASE)
    text = re.sub(r"(?<![\d-])(?:\+81[- ]?|0)\d{1,4}[- ]\d{1,4}[- ]\d{3,4}(?![\d-])", _telephone, text)
    text = re.sub(r"#(\d{3,4})\b", lambda m: f"number {_by_digit(m[1])}", text)
    text = re.sub(r"\b(?:171|110|118|119|188)\b", lambda m: _by_digit(m[0]), text)
    text = re.sub(r"(?<=[\w%.])\s*[~–—]\s*(?=[\w-])", " to ", text)
    text = re.sub(r"(?<![\w.])[-−](?=\d)", "minus ", text)
    text = re.sub(r"\bM\s?(\d\.\d)\b", r"magnitude \1", text)
    units = "|".join(re.escape(unit) for unit in _UNITS)
    text = re.sub(rf"(?<=\d)\s?({units})(?![\w/])", lambda m: f" {_UNITS[m[1]]}", text)
    text = re.sub(r"\betc\.,?", "et cetera", text, flags=re.IGNORECASE)
    text = re.sub(r"\bNo\.\s?(?=\d)", "number ", text)
    text = re.sub(r"\b1 (meter|kilometer|millimeter|centimeter|kilogram|degree)s\b", r"1 \1", text)
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, words)
    text = re.sub(r"\s*[()\[\]【】「」『』]\s*", ", ", text)
    text = re.sub(r"(?<=\w)/(?=\w)", " or ", text)
    text = re.sub(r"[ \t\u3000]+", " ", text)
    text = re.sub(r"[ ,]*,(?=\s*[,.!?:;\n]|\s*$)", "", text)
    return re.sub(r"\s+([,.!?])", r"\1", text).strip(" ,")


def _by_digit(digits: str) -> str:
    return " ".join(_DIGITS[int(digit)] for digit in digits if digit.isdigit())


def _telephone(match: re.Match[str]) -> str:
    groups = re.split(r"[- ]", match[0].replace("+81-", "0").replace("+81 ", "0").replace("+81", "0"))
    return ", ".join(_by_digit(group) for group in groups)


def _date(match: re.Match[str]) -> str:
    year, month, day = (int(group) for group in match.groups())
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return match[0]
    return f"{_MONTHS[month - 1]} {day}, {year}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if match[3]:
        half = "a.m." if "a" in match[3].lower() else "p.m."
    else:
        half = "a.m." if hour < 12 or hour == 24 else "p.m."
        hour = hour % 12 or 12
    return f"{hour} {half}" if minute == 0 else f"{hour}:{minute:02d} {half}"
