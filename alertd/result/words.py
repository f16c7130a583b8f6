"""The words of a result, in Japanese and English, and how times and lengths are said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from alertd.city import JST

#: what is said in each language: Japanese, English
SAID: Mapping[str, tuple[str, str]] = {
    "sent": ("配信時刻", "Sent at"),
    "channel": ("手段", "Channel"),
    "area": ("地区", "Area"),
    "planned": ("対象", "Planned"),
    "reached": ("到達", "Reached"),
    "heard": ("最後まで聞いた・届いた", "Heard, arrived"),
    "confirmed": ("確認の返事", "Answered"),
    "help": ("助けが必要", "Need help"),
    "unreached": ("未到達", "Not reached"),
    "first": ("最初", "First"),
    "in_time": ("目標内", "In time"),
    "attempts": ("試行", "Attempts"),
    "put_off": ("やり直し", "Put off"),
    "failed": ("失敗", "Failed"),
    "reasons": ("届かなかった理由", "What failed, and why"),
    "health": ("手段ごとの状態", "How each channel fared"),
    "by_area": ("地区ごとの結果", "By area"),
    "reach": ("到達までの時間", "Reach over time"),
    "since": ("配信からの時間（分：秒）", "Since it was sent (minutes:seconds)"),
    "never": ("—", "—"),
}
_REASONS: Mapping[str, tuple[str, str]] = {
    "busy": ("話し中", "line engaged"),
    "no_answer": ("応答なし", "no answer"),
    "machine": ("留守番電話", "answering machine"),
    "hung_up": ("途中で切断", "hung up"),
    "bad_address": ("宛先なし", "no such address"),
    "refused": ("相手側が拒否", "refused"),
    "rate_limited": ("混雑", "too fast"),
    "quiet_hours": ("夜間は待機", "waits for the morning"),
    "timeout": ("時間切れ", "no reply in time"),
    "unreachable": ("相手側に届かない", "far end not reachable"),
    "preempted": ("より急ぐ放送を優先", "gave way to something more urgent"),
    "under_way": ("作業中", "being carried out"),
    "unconfirmed": ("送信済み・確認なし", "sent, not confirmed"),
    "in_doubt": ("配信中に中断", "interrupted"),
    "other": ("その他", "other"),
}


def say(language: str, key: str, **values: object) -> str:
    """A word of the result."""
    return SAID[key][0 if language == "ja" else 1].format(**values)


def length(language: str, seconds: float | None) -> str:
    """1分05秒 · 1:05"""
    if seconds is None:
        return say(language, "never")
    if seconds < 10 and seconds % 1:
        return f"{seconds:.1f}秒" if language == "ja" else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if language == "ja":
        return (f"{minutes}分{rest:02}秒" if rest else f"{minutes}分") if minutes else f"{rest}秒"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"


def local(moment: datetime) -> str:
    """2027-06-27 07:00:05 in Japan."""
    return f"{moment.astimezone(JST):%Y-%m-%d %H:%M:%S}"


def reason(why: str, language: str) -> str:
    """Why something failed, for people."""
    return _REASONS.get(why, (why, why))[0 if language == "ja" else 1]
