"""The words of a drill's report, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

from alertd.drill import Ending
from alertd.result.words import SAID

#: what is said in each language: Japanese, English
_SAID: Mapping[str, tuple[str, str]] = {
    **SAID,
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


def say(language: str, key: str, **values: object) -> str:
    """A word of the report."""
    return _SAID[key][0 if language == "ja" else 1].format(**values)


def ending(language: str, how: Ending) -> str:
    """How a drill ended, for people."""
    return _ENDINGS[how][0 if language == "ja" else 1]
