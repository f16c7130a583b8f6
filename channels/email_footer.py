"""The footer of a mail: how this person changes what they receive, and how they leave, in the mail's language."""

from __future__ import annotations

from alertd.channel import Target

_WORDS = {
    "ja": ("登録内容の変更", "配信の停止"),
    "ja-easy": ("変（か）えたいとき", "やめたいとき"),
    "en": ("Change what you receive", "Stop these mails"),
}


def labels(language: str) -> tuple[str, str]:
    """What stands before the links for changing and for leaving."""
    return _WORDS.get(language, _WORDS["en"])


def footer(target: Target, change: str, stop: str) -> str:
    """The lines below the text with these labels, CRLF; empty for somebody who can neither change nor leave."""
    lines = "" if target.change_url is None else f"{change}: {target.change_url}\r\n"
    if target.stop_url is not None:
        lines += f"{stop}: {target.stop_url}\r\n"
    return f"--\r\n{lines}" if lines else ""
