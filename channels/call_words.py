"""The words that every call has besides its message: menu, thanks and closing, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from alertd.channel import Answer
from alertd.errors import UnknownLanguage


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWords:
    """What is said around a message in one language."""

    #: BCP 47 tag for the far end's voice
    tag: str
    #: of the far end; a low male voice is heard best by old ears
    voice: str
    #: by name of the menu
    menus: Mapping[str, str]
    #: by answer
    thanks: Mapping[Answer, str]
    closing: str
    no_such_key: str
    #: to somebody who calls us: what follows is what is in force
    in_force: str
    #: between two alerts
    another: str
    #: there is no alert in force
    nothing: str


def words(language: str, *, exercise: bool) -> CallWords:
    """The words for a language tag (`ja-JP` finds `ja`). Raises UnknownLanguage.

    In a drill nobody is promised help or told to dial 119.
    """
    table = _EXERCISE if exercise else _ACTUAL
    found = table.get(language) or table.get(language.partition("-")[0])
    if found is None:
        raise UnknownLanguage(
            f'a call has no words for the language "{language}"; it has them for {", ".join(sorted(table))}'
        )
    return found


_ACTUAL = {
    "ja": CallWords(
        tag="ja-JP",
        voice="Polly.Takumi",
        menus={
            "understood": "わかった方は、1を、もう一度聞く方は、0を、押してください。",
            "status": "避難する方は、1を、自宅の2階など、安全なところにいる方は、2を、"
            "助けが必要な方は、3を、もう一度聞く方は、0を、押してください。",
        },
        thanks={
            Answer.UNDERSTOOD: "ありがとうございました。これで、お知らせを、終わります。",
            Answer.EVACUATING: "わかりました。足もとに気をつけて、避難してください。",
            Answer.STAYING: "わかりました。なるべく高いところで、安全にお過ごしください。",
            Answer.HELP: "助けが必要なことを、市の担当者に、伝えます。"
            "命の危険がせまっているときは、119番に、電話してください。",
        },
        closing="これで、お知らせを、終わります。",
        no_such_key="その番号は、使えません。",
        in_force="いま、出ているお知らせを、新しいものから、お伝えします。",
        another="つぎの、お知らせです。",
        nothing="現在、お知らせは、ありません。",
    ),
    "ja-easy": CallWords(
        tag="ja-JP",
        voice="Polly.Takumi",
        menus={
            "understood": "わかった人は、1を、押してください。もう一度、聞きたい人は、0を、押してください。",
            "status": "逃げる人は、1を、押してください。"
            "家の2階など、安全なところにいる人は、2を、押してください。"
            "助けてほしい人は、3を、押してください。もう一度、聞きたい人は、0を、押してください。",
        },
        thanks={
            Answer.UNDERSTOOD: "ありがとうございます。これで、終わりです。",
            Answer.EVACUATING: "わかりました。気をつけて、逃げてください。",
            Answer.STAYING: "わかりました。高いところに、いてください。",
            Answer.HELP: "助けてほしいことを、市役所の人に、言います。"
            "とても危ないときは、119に、電話してください。",
        },
        closing="これで、お知らせは、終わりです。",
        no_such_key="その番号は、ありません。",
        in_force="いま、出ている、お知らせを、言います。新しいものから、言います。",
        another="つぎの、お知らせです。",
        nothing="いま、お知らせは、ありません。",
    ),
    "en": CallWords(
        tag="en-US",
        voice="Polly.Matthew",
        menus={
            "understood": "If you have understood, press 1. To hear this again, press 0.",
            "status": "If you are evacuating, press 1. "
            "If you are staying upstairs or in a safe place, press 2. "
            "If you need help, press 3. To hear this again, press 0.",
        },
        thanks={
            Answer.UNDERSTOOD: "Thank you. This is the end of the message.",
            Answer.EVACUATING: "Thank you. Please go now, and take care on your way.",
            Answer.STAYING: "Thank you. Please stay as high up as you can.",
            Answer.HELP: "We will tell the city staff that you need help. "
            "If your life is in danger, call 1 1 9.",
        },
        closing="This is the end of the message.",
        no_such_key="That key is not in use. ",
        in_force="These are the messages in force now, the newest first.",
        another="The next message.",
        nothing="There are no messages at present.",
    ),
}


def _exercise(actual: CallWords, thanks: str, closing: str) -> CallWords:
    return replace(actual, thanks=dict.fromkeys(Answer, thanks), closing=closing)


_EXERCISE = {
    "ja": _exercise(
        _ACTUAL["ja"],
        "訓練への、ご協力、ありがとうございました。これは、訓練です。",
        "これで、訓練のお知らせを、終わります。",
    ),
    "ja-easy": _exercise(
        _ACTUAL["ja-easy"],
        "練習に、参加してくれて、ありがとうございます。これは、訓練です。本当では、ありません。",
        "これで、訓練は、終わりです。訓練は、練習です。",
    ),
    "en": _exercise(
        _ACTUAL["en"],
        "Thank you for taking part. This is a drill.",
        "This is the end of the drill message.",
    ),
}
