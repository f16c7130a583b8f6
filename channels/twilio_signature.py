"""The proof that a callback comes from the telephone network: `X-Twilio-Signature`."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from twilio.request_validator import (  # type: ignore[import-untyped]
    HMAC_SHA1,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from alertd.channel import Callback
from alertd.errors import ForgedCallback
from channels.twilio_settings import TwilioSettings


def genuine_form(callback: Callback, settings: TwilioSettings) -> Mapping[str, str]:
    """The form fields of a callback that is signed for our account. Raises ForgedCallback.

    The signature is over the public URL and every field. The signing secret takes the
    token's place for callbacks that name a shared key (HMAC-SHA256). A field that comes
    twice is refused: what was signed and what is read could differ.
    """
    headers = {name.lower(): value for name, value in callback.headers.items()}
    fields = parse_qsl(callback.body.decode("utf-8", "replace"), keep_blank_values=True)
    form = dict(fields)
    if len(form) != len(fields):
        raise ForgedCallback("a field of the callback comes twice")
    signed_by = headers.get(SIGNATURE_SETTINGS_HEADER.lower(), "")
    secret = (signed_by and settings.signing_secret) or settings.auth_token
    signature = headers.get(SIGNATURE_HEADER.lower(), "")
    algorithm = get_signature_algorithm(signed_by)
    if not _signed(RequestValidator(secret.get_secret_value()), callback.url, form, signature, algorithm):
        raise ForgedCallback("the signature of the callback is missing or wrong")
    if form.get("AccountSid") != settings.account_sid:
        raise ForgedCallback("the callback is of another account")
    return form


def _signed(
    validator: RequestValidator, url: str, form: Mapping[str, str], signature: str, algorithm: str
) -> bool:
    """Whether the URL as we know it was signed; else, whether it was with or without its port."""
    if algorithm.upper() == HMAC_SHA1:
        # as the SDK does (https://www.twilio.com/docs/usage/security), which takes three times as long
        said = url + "".join(name + form[name] for name in sorted(form))
        mac = hmac.digest(validator.token, said.encode(), "sha1")
        expected = binascii.b2a_base64(mac, newline=False)
        if hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return True
    return bool(validator.validate(url, form, signature, algorithm))
