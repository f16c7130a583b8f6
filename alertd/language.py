"""A language of alertd: its short name, its CAP tag, and what people call it.

Short names are "ja", "ja-easy" (やさしい日本語) and BCP 47 primary subtags; Chinese
keeps its script, because its two scripts are two audiences.
"""

from __future__ import annotations

from alertd.alert import Info

#: CAP tags that differ from the short name (RFC 5646; ja-x-easy is a private-use subtag)
TAGS = {"ja": "ja-JP", "ja-easy": "ja-x-easy", "en": "en-US", "zh-Hans": "zh-CN", "zh-Hant": "zh-TW"}

#: short name -> (Japanese, English)
NAMES = {
    "ja": ("日本語", "Japanese"),
    "ja-easy": ("やさしい日本語", "plain Japanese"),
    "en": ("英語", "English"),
    "vi": ("ベトナム語", "Vietnamese"),
    "tl": ("タガログ語", "Tagalog"),
    "zh-Hans": ("中国語（簡体字）", "Chinese (simplified)"),
    "zh-Hant": ("中国語（繁体字）", "Chinese (traditional)"),
    "ko": ("韓国語", "Korean"),
    "pt": ("ポルトガル語", "Portuguese"),
}


def reading_order(language: str) -> tuple[int, str]:
    """Where a language stands when people read all of them: Japanese first, unknown ones last."""
    known = list(NAMES)
    return (known.index(language) if language in known else len(known), language)


def language_of(tag: str) -> str:
    """The short name for a CAP `language`: "ja-JP" → "ja", "es-419" → "es"."""
    subtags = tag.strip().lower().split("-")
    if subtags[0] == "ja":
        return "ja-easy" if "easy" in subtags[1:] else "ja"
    if subtags[0] == "zh":
        return "zh-Hant" if {"tw", "hk", "mo", "hant"} & set(subtags[1:]) else "zh-Hans"
    return subtags[0]


def tag_of(language: str) -> str:
    """The CAP `language` for a short name: "ja" → "ja-JP"."""
    return TAGS.get(language, language)


def spoken_in(info: Info) -> str:
    """The language of an info; plain Japanese is also told by a parameter `easyJapanese`."""
    return "ja-easy" if info.parameter("easyJapanese") == "true" else language_of(info.language)


def is_japanese(language: str) -> bool:
    """True for Japanese and for plain Japanese."""
    return language in ("ja", "ja-easy")
