"""The check item: one thing that staff does by hand after an alert, and by when."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from alertd.hazard import Hazard


class CheckItem(BaseModel):
    """`[checklist.ID]`: ticked on the board, with name and time, into the chronicle."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: what is to be done, as the staff reads it
    label: str = Field(min_length=1, max_length=200)
    #: the same in English; empty = the Japanese
    label_en: str = Field(default="", max_length=200)
    #: minutes after the approval by which it should be done
    within: float = Field(default=10.0, gt=0)
    #: from this alert level on; 0 = also alerts without a level
    level: int = Field(default=3, ge=0, le=5)
    #: only for these hazards; none = for all
    hazards: tuple[Hazard, ...] = ()


#: what applies where the configuration says nothing; times from the practice of cities
DEFAULT: dict[str, CheckItem] = {
    "l-alert": CheckItem(label="Lアラート（県の防災情報システム）への入力", label_en="Entry into L-Alert"),
    "area-mail": CheckItem(label="緊急速報メールの配信", label_en="Area mail to mobile phones", level=4),
    "shelters": CheckItem(
        label="避難所の開設を担当者に連絡", label_en="Shelters: tell who opens them", within=10
    ),
    "web": CheckItem(label="ホームページ・SNSへの掲載", label_en="Home page and social media", within=15),
    "supporters": CheckItem(
        label="要支援者の支援者・福祉施設への連絡",
        label_en="Call those who support the vulnerable, and care homes",
        within=20,
    ),
    "associations": CheckItem(
        label="自治会長への電話", label_en="Call the heads of the neighbourhood associations", within=20
    ),
    "media": CheckItem(
        label="報道機関・ケーブルテレビへの連絡", label_en="Tell the press and cable television", within=20
    ),
    "prefecture": CheckItem(
        label="県への報告（第4号様式）", label_en="Report to the prefecture (form 4)", within=30
    ),
}
