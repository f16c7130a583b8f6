"""The Phrases that frame every announcement, in each language that has its own."""

from __future__ import annotations

from dataclasses import dataclass

from alertd.city import City
from alertd.hazard import ORDERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """The city's standing words in one language; `{city}` and the like are filled in."""

    urgent_greeting: str
    plain_greeting: str
    drill_greeting: str
    again: str
    correction: str
    call_back_to: str
    callsign_of: str
    order_urgent: str
    order_drill: str
    japanese: bool

    def greeting(self, city: City, *, urgent: bool, drill: bool) -> str:
        """Who calls, and how gravely."""
        phrase = self.drill_greeting if drill else self.urgent_greeting if urgent else self.plain_greeting
        return phrase.format(city=self._name(city))

    def callsign(self, city: City) -> str:
        """How the loudspeakers introduce themselves."""
        return self.callsign_of.format(callsign=city.callsign if self.japanese else city.name_en)

    def from_whom(self, city: City) -> str:
        """The words that end a broadcast."""
        return f"以上、{city.name}から、お知らせしました。" if self.japanese else f"This was {city.name_en}."

    def call_back(self, city: City) -> str:
        """Where an answering machine's owner can hear it again."""
        comma = "、" if self.japanese else ", "
        return self.call_back_to.format(telephone=city.telephone.replace("-", comma))

    def order(self, level: int, *, urgent: bool) -> str:
        """Level and order in one breath."""
        name = ORDERS[level][0 if self.japanese else 1]
        return (self.order_urgent if urgent else self.order_drill).format(level=level, name=name)

    def _name(self, city: City) -> str:
        return city.name if self.japanese else city.name_en


_PHRASES = {
    "ja": Phrases(
        urgent_greeting="{city}から、緊急の、お知らせです。",
        plain_greeting="{city}から、お知らせです。",
        drill_greeting="{city}から、訓練の、お知らせです。",
        again="くり返します。",
        correction="訂正の、お知らせです。",
        call_back_to="折り返し、{telephone}で、もう一度、聞けます。",
        callsign_of="こちらは、{callsign}です。",
        order_urgent="緊急放送、緊急放送、警戒レベル{level}、{name}。",
        order_drill="訓練放送、訓練放送、警戒レベル{level}、{name}。",
        japanese=True,
    ),
    "ja-easy": Phrases(
        urgent_greeting="{city}から、大切な、お知らせです。",
        plain_greeting="{city}から、お知らせです。",
        drill_greeting="{city}から、練習の、お知らせです。",
        again="もう一度、言います。",
        correction="まちがいが、ありました。",
        call_back_to="{telephone}に、電話すると、もう一度、聞けます。",
        callsign_of="こちらは、{callsign}です。",
        order_urgent="あぶないです。警戒レベル{level}、{name}。",
        order_drill="練習です。警戒レベル{level}、{name}。",
        japanese=True,
    ),
    "en": Phrases(
        urgent_greeting="This is an urgent message from {city}.",
        plain_greeting="This is a message from {city}.",
        drill_greeting="This is a drill message from {city}.",
        again="I repeat.",
        correction="This is a correction.",
        call_back_to="To hear this again, call {telephone}.",
        callsign_of="This is {callsign}.",
        order_urgent="Emergency. Emergency. Alert Level {level}. {name}.",
        order_drill="Drill. Drill. Alert Level {level}. {name}.",
        japanese=False,
    ),
}


def phrases(language: str) -> Phrases:
    """The phrases of that language; the English ones where it has none."""
    return _PHRASES.get(language, _PHRASES["en"])
