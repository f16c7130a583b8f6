"""The catalogue: the sentences of the console in each language of its readers (gettext).

English is written in the code; `locale/*/LC_MESSAGES/console.po` has the others and is
compiled in memory, so that no compiled file has to be kept.
"""

from __future__ import annotations

import io
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from operator_console.once import once

#: what each language calls itself, the default first
LANGUAGES = {"ja": "日本語", "en": "English"}
DEFAULT = "ja"


def mark(message: str) -> str:
    """The same message; it is noted for translation and translated where it is shown."""
    return message


@once
def translations(language: str) -> NullTranslations:
    """The translations of a language; those of English change nothing."""
    place = files("operator_console").joinpath("locale", language, "LC_MESSAGES", "console.po")
    if not place.is_file():
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(place.read_bytes()), locale=language.partition("-")[0]))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translate(language: str, message: str, **values: object) -> str:
    """The message in this language, with its `%(name)s` filled."""
    text = translations(language).gettext(message)
    return text % values if values else text
