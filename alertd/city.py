"""The City: who speaks, where it can be reached, and what its places are called."""

from __future__ import annotations

from datetime import timedelta, timezone

from pydantic import BaseModel, ConfigDict, Field

#: Japan has one time zone and no summer time.
JST = timezone(timedelta(hours=9), "JST")


class Place(BaseModel):
    """A proper name in the three forms that words need; never machine-made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    #: hiragana
    kana: str
    name_en: str


def _places(*rows: tuple[str, str, str]) -> tuple[Place, ...]:
    return tuple(Place(name=name, kana=kana, name_en=name_en) for name, kana, name_en in rows)


#: Sanjo's rivers and evacuation zones.
SANJO_PLACES = _places(
    ("信濃川", "しなのがわ", "Shinano River"),
    ("五十嵐川", "いからしがわ", "Ikarashi River"),
    ("刈谷田川", "かりやたがわ", "Kariyata River"),
    ("三条市全域", "さんじょうしぜんいき", "all of Sanjo City"),
    ("三条市", "さんじょうし", "Sanjo City"),
    ("嵐北", "らんほく", "Ranhoku"),
    ("嵐南", "らんなん", "Rannan"),
    ("井栗", "いぐり", "Iguri"),
    ("本成寺", "ほんじょうじ", "Honjoji"),
    ("大崎", "おおさき", "Osaki"),
    ("大島", "おおじま", "Ojima"),
    ("栄北", "さかえきた", "Sakae-kita"),
    ("栄中央", "さかえちゅうおう", "Sakae-chuo"),
    ("大面", "おおも", "Omo"),
    ("長沢", "ながさわ", "Nagasawa"),
    ("鹿峠", "かとうげ", "Katoge"),
    ("森町", "もりまち", "Morimachi"),
    ("下田", "しただ", "Shitada"),
    ("第一中学校", "だいいちちゅうがっこう", "Daiichi Junior High School"),
    ("嵐南小学校", "らんなんしょうがっこう", "Rannan Elementary School"),
)


class City(BaseModel):
    """The municipality that sends; the `[city]` section of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "三条市"
    name_kana: str = "さんじょうし"
    name_en: str = "Sanjo City"
    #: municipal code with check digit (JIS X 0402 and its ministry's check digit)
    code: str = Field(default="152048", pattern=r"^\d{6}$")
    #: CAP `sender`: like a mail address, no space, comma, < or &
    sender: str = Field(default="bosai@sanjo.example.jp", pattern=r"^[^\s,<&@]+@[^\s,<&@]+$")
    #: by what name the loudspeakers introduce themselves
    callsign: str = "防災三条"
    #: where people call back
    telephone: str = "0256-00-0100"
    web: str = "https://sanjo.example.jp/bosai"
    #: languages in which templates are filled; the first is the default
    languages: tuple[str, ...] = ("ja", "ja-easy", "en")
    places: tuple[Place, ...] = SANJO_PLACES
    #: towns whose names do not belong in this city's alerts
    neighbours: tuple[str, ...] = (
        "新潟市", "長岡市", "柏崎市", "新発田市", "小千谷市", "加茂市", "十日町市", "見附市",
        "村上市", "燕市", "糸魚川市", "妙高市", "五泉市", "上越市", "阿賀野市", "佐渡市",
        "魚沼市", "胎内市", "聖籠町", "弥彦村", "田上町", "阿賀町", "出雲崎町",
        "湯沢町", "津南町", "刈羽村", "関川村", "粟島浦村",
    )  # fmt: skip

    @property
    def readings(self) -> dict[str, str]:
        """Kana of every place, for the voice; longer names first."""
        names = sorted(self.places, key=lambda place: -len(place.name))
        return {place.name: place.kana for place in names} | {self.name: self.name_kana}
