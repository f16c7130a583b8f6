"""Whether a telephone number may be called: E.164, of an allowed country, not a special service."""

from __future__ import annotations

from collections.abc import Collection

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

_SPECIAL = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


def objection(number: str, countries: Collection[int]) -> str | None:
    """Why this number must not be called, in words without the number; None = it may be.

    `countries` are calling codes, e.g. 81. Emergency and service numbers (110, 119, 118,
    171 …) have no E.164 form and are too short to be possible; 0990, 0570, 0120 and their
    like are refused by their kind.
    """
    if not number.startswith("+"):
        return "not in international form (+81…)"
    try:
        parsed = phonenumbers.parse(number, None)
    except NumberParseException:
        return "not a telephone number"
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        return "not in international form (+81…)"
    if parsed.country_code not in countries:
        return "of a country that is not called"
    if not phonenumbers.is_possible_number(parsed):
        return "too short, too long, or an emergency number"
    if phonenumbers.number_type(parsed) in _SPECIAL:
        return "a special service"
    return None
