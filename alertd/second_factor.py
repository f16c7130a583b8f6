"""The second factor: six digits from an operator's own device, each good once (TOTP, RFC 6238).

The secret is stored encrypted. A code counts for its half minute and the one before and
after, for clocks that differ; a code that was used, or an older one, counts no more.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import unicodedata
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from alertd import audit
from alertd.cipher import decrypt, encrypt
from alertd.errors import Problem, WrongInput
from alertd.tables import OperatorRow

#: seconds that a code is shown
STEP = 30
#: steps before and after the present one that are taken too
_DRIFT = 1


def new_secret() -> str:
    """160 random bits in base32, as devices take them."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address(secret: str, name: str, issuer: str) -> str:
    """What the QR code holds: `otpauth://totp/…`."""
    return f"otpauth://totp/{quote(issuer)}:{quote(name)}?secret={secret}&issuer={quote(issuer)}"


def code_at(secret: str, step: int) -> str:
    """The six digits of one time step (RFC 4226 §5.3, RFC 6238 §4.2)."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 0xF
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def enrol(
    session: Session, key: bytes, row: OperatorRow, secret: str, code: str, now: datetime, by: str
) -> None:
    """Takes a device when it shows the right code. Raises WrongInput; `key` is the installation's secret."""
    step = _step_of(secret, code, now)
    if step is None:
        raise WrongInput(
            Problem(
                "code",
                "the code does not fit; type the six digits that the device shows now, and check its clock",
                "確認コードが違います。端末に今表示されている6桁を入力し、端末の時刻も確認してください。",
            )
        )
    row.second_factor, row.second_factor_step = encrypt(key, _purpose(row), secret), step
    audit.note(session, at=now, actor=by, action="operator.second-factor", subject=f"operator:{row.id}")


def remove(session: Session, row: OperatorRow, now: datetime, by: str) -> None:
    """Forgets the device, when it was lost or changed."""
    row.second_factor = row.second_factor_step = None
    audit.note(
        session, at=now, actor=by, action="operator.second-factor-removed", subject=f"operator:{row.id}"
    )


def take(session: Session, key: bytes, row: OperatorRow, code: str, now: datetime) -> bool:
    """Whether the code is the device's and was not used before; from now on it is used.

    Two requests with the same code at once: one of them gets True.
    """
    if row.second_factor is None:
        return False
    step = _step_of(decrypt(key, _purpose(row), row.second_factor), code, now)
    if step is None:
        return False
    latest = OperatorRow.second_factor_step
    taken = session.execute(
        update(OperatorRow)
        .where(OperatorRow.id == row.id, or_(latest.is_(None), latest < step))
        .values(second_factor_step=step)
        .returning(OperatorRow.id)
    ).first()
    return taken is not None


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is."""
    typed = unicodedata.normalize("NFKC", code).replace(" ", "")
    present = int(now.timestamp()) // STEP
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), typed.encode()):
            return step
    return None


def _purpose(row: OperatorRow) -> str:
    return f"second-factor:{row.id}"
