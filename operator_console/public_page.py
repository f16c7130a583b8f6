"""A public page: a template filled in the reader's language, with or without readings above the kanji."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from alertd.city import City
from alertd.site import Site
from operator_console import labels
from operator_console.assets import asset_url
from operator_console.catalogue import translations
from operator_console.page import simulated

#: what each language calls itself, the default first
LANGUAGES = {"ja": "日本語", "ja-easy": "やさしい日本語", "en": "English"}
DEFAULT = "ja"
#: the language whose kanji carry their readings
EASY = "ja-easy"

_READ = re.compile(r"([一-鿿々〆ヶ]+)（([ぁ-ゖー]+)）")
_ABOVE = Markup("<ruby>{}<rp>（</rp><rt>{}</rt><rp>）</rp></ruby>")
_RUBY = re.compile(r"<rp>.*?</rp>|<rt>.*?</rt>|<[^>]*>")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: in which language, and whether readings stand above the kanji (plain Japanese only)."""

    language: str
    ruby: bool = True

    @property
    def query(self) -> str:
        """What keeps language and readings in the address of the next page."""
        words = {"lang": self.language} | ({} if self.ruby else {"ruby": "0"})
        return urlencode(words)

    @property
    def other_ruby(self) -> str:
        """The query of the same page with the readings switched."""
        return urlencode({"lang": self.language, "ruby": "0" if self.ruby else "1"})


def reader_of(request: Request, language: str | None = None) -> Reader:
    """The reader of a request: what its address says, else `language`, else what the browser prefers."""
    asked = request.query_params.get("lang", "")
    chosen = asked if asked in LANGUAGES else language if language in LANGUAGES else _preferred(request)
    return Reader(chosen, ruby=request.query_params.get("ruby") != "0")


def _preferred(request: Request) -> str:
    """Japanese, unless the browser names another language of ours and not Japanese (RFC 9110 §12.5.4)."""
    named = [
        word.partition(";")[0].strip().lower()
        for word in request.headers.get("accept-language", "").split(",")
    ]
    for tag in named:
        short = tag.partition("-")[0]
        if short in LANGUAGES:
            return short
    return DEFAULT if not any(named) or named == ["*"] else "en"


def say(reader: Reader, message: str) -> Markup:
    """The message in the reader's language, readings as ruby; part of a page."""
    return _with_readings(translations(reader.language).gettext(message), reader)


def _with_readings(text: str, reader: Reader) -> Markup:
    """Escaped; only what stands above the kanji is marked up."""
    if reader.language != EASY or not reader.ruby:
        return escape(_marked(text, reader))
    pieces, at = [Markup("")], 0
    for found in _READ.finditer(text):
        pieces += [escape(text[at : found.start()]), _ABOVE.format(*found.groups())]
        at = found.end()
    return Markup("").join([*pieces, escape(text[at:])])


def _marked(text: str, reader: Reader) -> str:
    if reader.language != EASY:
        return text
    if not reader.ruby:
        return _READ.sub(r"\1", text)
    return _READ.sub(_ABOVE.format(r"\1", r"\2"), text)


def _named(reader: Reader, city: City) -> Markup:
    """The city with its reading."""
    return _with_readings(f"{city.name}（{city.name_kana}）", reader)


def flat(text: object) -> str:
    """The words without readings and marks, where a page can show only letters: its title."""
    return _RUBY.sub("", str(text))


@cache
def _environment(reader: Reader) -> Environment:
    made = Environment(
        loader=PackageLoader("operator_console"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = translations(reader.language)
    made.install_gettext_callables(  # type: ignore[attr-defined]
        lambda message: _marked(catalogue.gettext(message), reader),
        lambda one, many, count: _marked(catalogue.ngettext(one, many, count), reader),
        newstyle=True,
    )
    made.filters["flat"] = flat
    made.globals.update(labels=labels, asset_url=asset_url, LANGUAGES=LANGUAGES, EASY=EASY)
    return made


def public_page(
    site: Site,
    reader: Reader,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """The template, filled; the reader and the city are always there."""
    text = _environment(reader).get_template(template)
    japanese = reader.language != "en"
    city = site.config.city
    name, easy = city.name if japanese else city.name_en, reader.language == EASY
    made = text.render(
        reader=reader,
        city=city,
        city_name=_named(reader, city) if easy else name,
        simulated=simulated(site),
        tag="ja" if japanese else reader.language,
        **values,
    )
    kept = {"Vary": "Accept-Language", **(headers or {})}
    return HTMLResponse(made, status, kept)
