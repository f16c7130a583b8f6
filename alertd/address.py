"""Addresses of people: mail addresses and telephone numbers, checked and made uniform."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from alertd.errors import Problem, WrongRecipients

#: carriers that once gave out addresses with dots where RFC 5321 allows none
_LENIENT_CARRIERS = frozenset({"docomo.ne.jp", "ezweb.ne.jp", "au.com"})
_LENIENT_LOCAL = re.compile(r"[A-Za-z0-9._+/?-]{1,64}")
_UNSAFE = re.compile(r"=\?")

#: Japanese numbers without the leading 0 that nobody's telephone has
_SPECIAL = (
    (re.compile(r"120\d{6}|800\d{7}"), "a free-call number", "フリーダイヤル"),
    (re.compile(r"570\d{6}"), "a Navi Dial number", "ナビダイヤル"),
    (re.compile(r"990\d{6}|180\d{6}"), "a paid information number", "有料情報サービスの番号"),
    (re.compile(r"20\d{8,9}"), "a machine's number", "機器用の番号（020）"),
)
#: fixed lines have nine digits after the 0, mobile and IP telephones ten
_DIALLED = re.compile(r"[1-9]\d{8}|(?:50|60|70|80|90)\d{8}")
_EMERGENCY = frozenset({"110", "118", "119", "171", "188", "189", "104", "117", "177"})


def _wrong(field: str, message: str, message_ja: str) -> WrongRecipients:
    return WrongRecipients(Problem(field, message, message_ja))


def safe(text: str) -> bool:
    """Whether the text may stand in a header or a call: no control characters, no `=?`."""
    return not _UNSAFE.search(text) and not any(
        unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text
    )


def email(text: str) -> str:
    """The mail address in its usual form: plain ASCII, domain in small letters.

    Old mobile addresses with dots in odd places are kept as they are; whoever sends to
    them quotes the local part. Raises WrongRecipients.
    """
    address = unicodedata.normalize("NFKC", text).strip()
    local, _, domain = address.rpartition("@")
    if domain.lower() in _LENIENT_CARRIERS and _LENIENT_LOCAL.fullmatch(local):
        return f"{local}@{domain.lower()}"
    if safe(text.strip()):
        try:
            checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
        except EmailNotValidError as error:
            raise _wrong(
                "email",
                f"it is no mail address ({error}); write it like taro@example.jp",
                "メールアドレスの形が正しくありません。taro@example.jp のように入力してください。",
            ) from error
        return checked.ascii_email or checked.normalized
    raise _wrong(
        "email",
        "it has a line break, a control character or '=?'; type it anew",
        "メールアドレスに改行・制御文字・「=?」があります。入力し直してください。",
    )


def phone(text: str) -> str:
    """The number as E.164 ("+81256000001"); full-width digits and any hyphens are fine.

    Refuses emergency and service numbers, numbers that cost the caller, and numbers
    outside Japan. Raises WrongRecipients.
    """
    dialled = unicodedata.normalize("NFKC", text).strip()
    dialled = re.sub(r"[‐‑‒–—―−ーｰ]", "-", dialled)
    digits = re.sub(r"\D", "", dialled)
    if not re.fullmatch(r"\+?[\d\s().-]+", dialled):
        raise _wrong(
            "phone",
            "it is no telephone number; write it like 0256-00-0001",
            "電話番号は 0256-00-0001 のように、数字とハイフンで入力してください。",
        )
    if digits in _EMERGENCY:
        raise _wrong(
            "phone",
            "emergency and service numbers are never called; give the recipient's own number",
            "110・119などの緊急・特番には発信できません。本人の番号を入力してください。",
        )
    try:
        number = phonenumbers.parse(dialled, "JP")
    except phonenumbers.NumberParseException as error:
        raise _wrong(
            "phone",
            "it is no telephone number; write it like 0256-00-0001",
            "電話番号は 0256-00-0001 のように、市外局番から入力してください。",
        ) from error
    if number.country_code != 81:
        raise _wrong("phone", "numbers outside Japan are not called", "海外の電話番号には発信できません。")
    national = str(number.national_number)
    for pattern, kind, kind_ja in _SPECIAL:
        if pattern.fullmatch(national):
            raise _wrong(
                "phone",
                f"it is {kind}; give the recipient's own number",
                f"{kind_ja}には発信できません。本人の番号を入力してください。",
            )
    if not _DIALLED.fullmatch(national) or number.italian_leading_zero:
        raise _wrong(
            "phone",
            "it has too few or too many digits; write the whole number, area code first",
            "電話番号の桁数が正しくありません。市外局番から入力してください。",
        )
    return f"+81{national}"


def phone_in_japan(number: str) -> str:
    """An E.164 number of Japan as people dial it: "+81256000001" → "0256-00-0001"."""
    parsed = phonenumbers.parse(number, "JP")
    if phonenumbers.is_valid_number(parsed):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    national = f"0{parsed.national_number}"  # numbers for examples have no official grouping
    middle = len(national) - 4
    return f"{national[: middle - 2]}-{national[middle - 2 : middle]}-{national[middle:]}"
