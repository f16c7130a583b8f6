"""Wording of Japanese: what is written becomes what Open JTalk reads right.

Open JTalk drops ～ − ㎜ ㈱ → and lone Latin letters without a word, and reads 15:20,
2025/07/13, 80mm/h and #7119 wrongly; the rules here write them out. What is left over
and cannot be read is found by `tts.unread`.
"""

from __future__ import annotations

import re
import unicodedata

from tts.kana import lengthened, morae

#: marks around a word with ruby: WORD 漢字 SAYS カンジ DONE (private use characters)
WORD, SAYS, DONE = "\ue000\ue001\ue002"

_DIGITS = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_LETTERS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー "
        "キュー アール エス ティー ユー ブイ ダブリュー エックス ワイ ゼット".split(),
        strict=True,
    )
)
#: Unicode's NFKC would write these with Latin letters, or break them (℃)
_SQUARE = {
    "℃": "度",
    "°C": "度",
    "㎜": "mm",
    "㎝": "cm",
    "㎞": "km",
    "㎡": "平方メートル",
    "㎥": "立方メートル",
    "㎏": "kg",
    "㈱": "株式会社",
    "㈲": "有限会社",
    "№": "No.",
    "〒": "郵便番号",
    "℡": "電話",
    "☎": "電話",
    "㏋": "馬力",
    "½": "2分の1",
}
_UNITS = {
    "mm/h": "ミリ",
    "km/h": "キロ",
    "m/s": "メートル",
    "mm": "ミリ",
    "cm": "センチ",
    "km": "キロメートル",
    "kg": "キログラム",
    "hPa": "ヘクトパスカル",
    "kW": "キロワット",
    "km2": "平方キロメートル",
    "m2": "平方メートル",
    "m3/s": "立方メートル",
    "m3": "立方メートル",
    "ha": "ヘクタール",
    "ml": "ミリリットル",
    "m": "メートル",
    "g": "グラム",
    "t": "トン",
    "L": "リットル",
    "l": "リットル",
    "V": "ボルト",
    "%": "パーセント",
}
#: said before the number: 80mm/h is 1時間に80ミリ
_UNIT_LEADS = {"mm/h": "1時間に", "km/h": "時速", "m/s": "秒速", "m3/s": "毎秒"}
_WORDS = {
    "J-ALERT": "ジェイアラート",
    "Jアラート": "ジェイアラート",
    "L-ALERT": "エルアラート",
    "Lアラート": "エルアラート",
    "PM2.5": "ピーエムニーテンゴ",
    "LINE": "ライン",
    "Twitter": "ツイッター",
    "Facebook": "フェイスブック",
    "YouTube": "ユーチューブ",
    "Yahoo": "ヤフー",
    "Google": "グーグル",
    "Wi-Fi": "ワイファイ",
    "WiFi": "ワイファイ",
    "ARIB": "アリブ",
    "COVID": "コビッド",
    "Sanjo": "サンジョー",
    "FAX": "ファックス",
    "Fax": "ファックス",
    "TEL": "電話",
    "Tel": "電話",
    "JAXA": "ジャクサ",
    "UFO": "ユーフォー",
    "DMAT": "ディーマット",
    "KDDI": "ケーディーディーアイ",
}
_SYMBOLS = {
    "&": "アンド",
    "@": "アットマーク",
    "+": "プラス",
    "=": "イコール",
    "→": "から",
    "⇒": "から",
    "≒": "およそ",
    "#": "シャープ",
    "×": "かける",
    "±": "プラスマイナス",
    "≧": "以上",
    "≦": "以下",
    "☆": "、",
    "★": "、",
    "⚠": "、",
    "*": "、",
    "|": "、",
    "_": "、",
    "′": "分",
    "°": "度",
    ";": "、",
    ":": "、",
}
#: marks at the head of a line or item, which a reader does not speak either
_BULLETS = "※■□●◎◆◇▼▲▽△•◦‣►▶➡☞‐"
_ERAS = {"R": "令和", "H": "平成", "S": "昭和", "T": "大正", "M": "明治"}
#: misread by their surroundings, where an entry of the dictionary would spoil other words
_MISREAD = ((r"(?<![一-鿿々ァ-ヺ])山や", "ヤマや"),)
#: what stands in brackets after kanji and is not how they are read
_REMARKS = frozenset(
    "まで から など のみ ほか また または とも あり なし ただし および すべて いずれも".split()
)
_WEEKDAY = "月火水木金土日"


def spoken(text: str) -> str:
    """1. signs that Unicode would break 2. NFKC 3. ruby 4. addresses of the web
    5. dates 6. times 7. telephone numbers 8. ranges and minus 9. units 10. Latin
    letters 11. words that a dictionary cannot put right 12. symbols and brackets."""
    for sign, words in _SQUARE.items():
        text = text.replace(sign, words)
    text = text.replace("～", "〜").replace("\r\n", "\n")
    text = unicodedata.normalize("NFKC", text).replace("~", "〜").replace("−", "-")
    text = _ruby(text)
    text = re.sub(r"https?://[\x21-\x7e]+", "ホームページ", text)
    text = _dates(text)
    text = _times(text)
    text = _telephones(text)
    text = _ranges(text)
    text = _units(text)
    text = _latin(text)
    for pattern, kana in _MISREAD:
        text = re.sub(pattern, kana, text)
    return _symbols(text)


def marked(word: str, kana: str) -> str:
    """A word whose kana are given, to be resolved when the sentence is complete."""
    return f"{WORD}{word}{SAYS}{lengthened(kana)}{DONE}"


def _ruby(text: str) -> str:
    """漢字(かんじ): the kana in brackets are the reading, and are spoken once.

    The word and its reading go on together, marked, because which of them is better given
    to the voice can only be told when the sentence is complete (`tts.wording`). After a
    number the kanji is a counter, and only the engine knows how it sounds there: 3本(ほん),
    7日(なのか). A bracket that says something else, 避難所(まで), is no ruby and stays.
    """

    def known(match: re.Match[str]) -> str:
        if match[2] in _REMARKS or morae(match[2]) < len(match[1]):
            return match[0]
        return marked(match[1], match[2])

    word = r"([一-鿿々〆ヶヵ]+)\(([ぁ-ゖァ-ヺー]+)\)"
    text = re.sub(rf"(?<=\d){word}", r"\1", text)
    return re.sub(word, known, text)


def _dates(text: str) -> str:
    weekday = rf"\s*\(([{_WEEKDAY}])(?:曜日?)?(・?祝)?\)"
    text = re.sub(r"(?<!\d)(20\d\d)[/.-](1[0-2]|0?[1-9])[/.-](3[01]|[12]\d|0?[1-9])(?!\d)", _date, text)
    text = re.sub(
        r"(?<![A-Za-z0-9])([RHSTM])(\d{1,2})[./](1[0-2]|0?[1-9])[./](3[01]|[12]\d|0?[1-9])(?!\d)",
        lambda m: f"{_ERAS[m[1]]}{int(m[2])}年{int(m[3])}月{int(m[4])}日",
        text,
    )
    text = re.sub(
        rf"(?<![\d/])(1[0-2]|0?[1-9])/(3[01]|[12]\d|0?[1-9])(?![\d/])(?={weekday}|\s*\d{{1,2}}[:時]|[付のにはまか〜午])",
        lambda m: f"{int(m[1])}月{int(m[2])}日",
        text,
    )
    text = re.sub(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?![\d/])", r"\2分の\1", text)
    text = re.sub(weekday, lambda m: f"、{m[1]}曜日{'祝日' if m[2] else ''}、", text)
    # of a month, where the engine would count days
    return re.sub(r"(?<![\d月])1日(?=午[前後]|未明|早朝|明け方|朝|昼|夕方|夜)", "ツイタチ", text)


def _date(match: re.Match[str]) -> str:
    return f"{match[1]}年{int(match[2])}月{int(match[3])}日"


def _times(text: str) -> str:
    """24 hours become 午前 and 午後; 午後3:20 keeps its own half of the day."""

    def clock(match: re.Match[str]) -> str:
        half, hour, minute = match["half"] or "", int(match["hour"]), match["minute"]
        if hour > 24 or (minute and int(minute) > 59):
            return match[0]
        if not half and hour <= 23 and (match["colon"] or hour == 0 or hour >= 13):
            half, hour = ("午前", hour) if hour < 12 else ("午後", hour - 12)
        minutes = f"{int(minute)}分" if minute and int(minute) else ""
        return f"{half}{hour}時{minutes}"

    text = re.sub(
        r"(?P<half>午前|午後)?\s?(?<![\d:.])(?P<hour>\d{1,2})(?P<colon>:)(?P<minute>\d\d)(?![\d:])",
        clock,
        text,
    )
    return re.sub(
        r"(?P<half>午前|午後)?\s?(?<![\d:.])(?P<hour>\d{1,2})(?P<colon>)時(?!間)(?:(?P<minute>\d{1,2})分)?",
        clock,
        text,
    )


def _telephones(text: str) -> str:
    text = re.sub(r"(?<![\d-])\+81[- ]?(?=[1-9])", "0", text)
    text = re.sub(r"(?<![\d-])(0\d{1,4})[-(](\d{1,4})[-)](\d{3,4})(?![\d-])", _telephone, text)
    text = re.sub(r"#(\d{3,4})(?!\d)", lambda m: "シャープ" + _by_digit(m[1]), text)
    text = re.sub(
        r"(郵便番号)\s?(\d{3})-(\d{4})", lambda m: f"{m[1]}{_by_digit(m[2])}の{_by_digit(m[3])}", text
    )
    # 171, the disaster message line, is a number only before a counter
    return re.sub(r"(?<![\d.,])171(?![\d.,]|[人名件世棟戸円回個本枚頭台日年分時mcken%])", _by_digit_of, text)


def _telephone(match: re.Match[str]) -> str:
    return "の".join(_by_digit(group) for group in match.groups())


def _by_digit_of(match: re.Match[str]) -> str:
    return _by_digit(match[0])


def _by_digit(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _ranges(text: str) -> str:
    text = re.sub(r"〜\s?(?=[^\s、。)\n])", "から", text)
    text = re.sub(r"〜", "から", text)
    return re.sub(r"(?<![\dA-Za-z.)ァ-ヺー一-鿿])-(?=\d)", "マイナス", text)


def _units(text: str) -> str:
    text = text.replace("m³", "m3").replace("m²", "m2")
    units = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    number = r"\d[\d,]*(?:\.\d+)?"

    def unit(match: re.Match[str]) -> str:
        said = re.search(
            r"(?:[時秒風流]速|毎[時分秒]|1時間に?)[はが約およそ、\s]*$", match.string[: match.start()]
        )
        lead = "" if said else _UNIT_LEADS.get(match[2], "")
        return f"{lead}{match[1]}{_UNITS[match[2]]}"

    return re.sub(rf"((?:{number}から)?{number})\s?({units})(?![A-Za-z0-9/])", unit, text)


def _latin(text: str) -> str:
    text = re.sub(r"(?<![A-Za-z])M\s?(?=\d\.\d)", "マグニチュード", text)
    text = re.sub(r"(?<![A-Za-z0-9])B(\d)F(?![A-Za-z])", r"地下\1階", text)
    text = re.sub(r"(?<=\d)F(?![A-Za-z0-9])", "階", text)
    text = re.sub(r"No\.?\s?(?=\d)", "ナンバー", text)
    words = "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True))
    text = re.sub(rf"(?<![A-Za-z])(?:{words})(?![A-Za-z])", lambda m: _WORDS[m[0]], text)
    spelled = re.compile(r"(?<![A-Za-z])([A-Z]{1,5}|[a-z])(?![A-Za-z])")
    return spelled.sub(lambda m: "".join(_LETTERS[char] for char in m[0].upper()), text)


def _symbols(text: str) -> str:
    text = re.sub(rf"[{_BULLETS}\ufe0e\ufe0f]+\s*", "、", text)
    text = re.sub(r"(?m)^[ \u3000]*(?:[・○〇](?![○〇])|[→⇒])\s*", "", text)
    for symbol, words in _SYMBOLS.items():
        text = text.replace(symbol, words)
    text = re.sub(r"[「」『』【】()\[\]〔〕〈〉《》“”\"]+", "、", text)
    text = re.sub(r"(?<=\S)/(?=\S)", "、", text)
    text = re.sub(r"、*([。！？!?、\n])", r"\1", text)
    text = re.sub(r"(?m)^[、\s]+", "", text)
    text = re.sub(r"(?<=[。！？!?])、+", "", text)
    return re.sub(r"[ \u3000\t]+", " ", text)
