"""Callbacks that come in crowds: few transactions, nothing lost, nothing believed that is not ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from sqlalchemy import event, select, update

from alertd import messages
from alertd.channel import Outcome, Reason
from alertd.db import reading, writing
from alertd.demo.telephone_callbacks import signature
from alertd.demo.telephone_network import ACCOUNT_SID, AUTH_TOKEN, TelephoneNetwork
from alertd.tables import DeliveryRow, ReceiptRow
from tests.flow.call_city import CallCity, call_city


def ring(city: CallCity, people: int) -> list[DeliveryRow]:
    """So many calls that ring, as far as we know."""
    city.begin([f"+8125600{n:04}" for n in range(1, people + 1)])
    now = city.site.clock.now()
    with writing(city.site.engine) as session:
        later = now + timedelta(hours=1)
        session.execute(update(DeliveryRow).values(attempt=1, handed_at=now, turn=None, due_at=later))
    return city.deliveries()


def say(city: CallCity, row: DeliveryRow, state: str, *, attempt: int = 1, token: str = AUTH_TOKEN) -> int:
    """A status callback of one call; gives the HTTP status."""
    made = messages.target(city.site, "phone", row.id, attempt, "", row.contact_id)
    parts = urlsplit(f"{made.answer_url}&step=status")
    path = f"{parts.path}?{parts.query}"
    form = {"AccountSid": ACCOUNT_SID, "CallSid": f"CA{row.id:032x}", "CallStatus": state}
    headers = {"X-Twilio-Signature": signature(token, city.url + path, form)}
    return city.answer(path, headers, urlencode(form).encode())[0]


def receipts(city: CallCity) -> list[ReceiptRow]:
    with reading(city.site.engine) as session:
        return list(session.scalars(select(ReceiptRow).order_by(ReceiptRow.id)))


def test_a_crowd_is_written_in_few_transactions_and_nothing_is_lost(
    tmp_path: Path, database_url: str
) -> None:
    with call_city(tmp_path, database_url, TelephoneNetwork()) as city:
        rows = ring(city, 60)
        commits: list[object] = []
        event.listen(city.site.engine, "commit", commits.append)
        with ThreadPoolExecutor(30) as pool:
            for state in ("initiated", "ringing", "in-progress", "busy", "busy"):
                assert set(pool.map(lambda row, state=state: say(city, row, state), rows)) == {200}
        assert {(row.outcome, row.reason) for row in city.deliveries()} == {(Outcome.DEFERRED, Reason.BUSY)}
        assert len(receipts(city)) == 2 * len(rows), "each word once"
        assert len(commits) < len(rows)


def test_what_is_said_of_no_hand_over_of_ours_changes_nothing(tmp_path: Path) -> None:
    with call_city(tmp_path, f"sqlite:///{tmp_path / 'alertd.db'}", TelephoneNetwork()) as city:
        [row] = ring(city, 1)
        assert say(city, row, "busy", token="another") == 403
        assert say(city, row, "busy", attempt=2) == 200
        assert receipts(city) == []
        assert say(city, row, "busy") == 200
        assert [one.outcome for one in receipts(city)] == [Outcome.DEFERRED]
