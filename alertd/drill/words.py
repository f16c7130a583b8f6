"""The words of a drill's report, in Japanese and English, and how times and lengths are said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from alertd.drill import Ending
from alertd.drill.scenario import ZONE

#: what is said in each language: Japanese, English
_SAID: Mapping[str, tuple[str, str]] = {
    "report": ("訓練の結果報告", "Report of a drill"),
    "name": ("訓練", "Drill"),
    "start": ("開始", "Start"),
    "ending": ("終わり方", "How it ended"),
    "why": ("理由", "Why"),
    "goal": ("目標", "Goal"),
    "goal_is": ("{within}以内に{percent}%へ到達", "{percent} % reached within {within}"),
    "met": ("達成", "met"),
    "missed": ("未達成", "not met"),
    "result": ("結果", "Result"),
    "result_is": ("{percent:.1f}%（{in_time}／{planned}件）", "{percent:.1f} % ({in_time} of {planned})"),
    "message": ("配信{number}", "Message {number}"),
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
    "earlier": ("これまでの訓練との比較（目標時間内の到達）", "Beside earlier drills (reached in time)"),
    "this": ("今回", "This one"),
    "correction": ("取消・訂正", "Correction"),
    "correction_is": (
        "操作まで{clicked}、操作から95%到達まで{seconds}",
        "{clicked} until the click, {seconds} from the click to 95 %",
    ),
    "checks": ("開始前の点検", "Looks before the start"),
    "well": ("異常なし", "all well"),
    "before": ("{minutes}分前", "{minutes} min before"),
    "never": ("—", "—"),
    "none": ("まだ何も配信していません。", "Nothing has been sent yet."),
    "apart": (
        "この報告は訓練の配信だけを数えています。本番の統計には含まれません。",
        "Only the drill is counted here; the figures of real alerts do not contain it.",
    ),
}
_ENDINGS: Mapping[Ending, tuple[str, str]] = {
    Ending.FINISHED: ("予定どおり終了", "finished as planned"),
    Ending.CANCELLED: ("職員が中止", "stopped by a person"),
    Ending.ABORTED: ("本番の発令により中止", "broken off by a real alert"),
    Ending.MISSED: ("時刻を過ぎたため中止", "not held: its time had passed"),
    Ending.WITHHELD: ("点検の異常により中止", "withheld: something was not right"),
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
    "in_doubt": ("配信中に中断", "interrupted"),
    "other": ("その他", "other"),
}


def say(language: str, key: str, **values: object) -> str:
    """A word of the report."""
    return _SAID[key][0 if language == "ja" else 1].format(**values)


def ending(language: str, how: Ending) -> str:
    """How a drill ended, for people."""
    return _ENDINGS[how][0 if language == "ja" else 1]


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
    return f"{moment.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}"


def reason(why: str, language: str) -> str:
    """Why something failed, for people."""
    return _REASONS.get(why, (why, why))[0 if language == "ja" else 1]
