"""The witness of a drill workspace: what live far ends heard, and whether every drill says at both ends what it is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

from sqlalchemy import select

from alertd import cap, issue
from alertd.alert import Severity, Status
from alertd.audience import Audience
from alertd.db import reading, writing
from alertd.marks import has_marks, marks
from alertd.tables import AlertRow, ArtefactRow, DispatchRow, OccurrenceRow, OperatorRow
from tests import factories
from tests.drill_town import Town

_WORDS = {Status.EXERCISE: "訓練", Status.TEST: "試験"}


class Witness:
    """Looks at one city; raises AssertionError at the first thing that must not be."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.seen: Counter[str] = Counter()
        #: artefacts that somebody wrote into: their words are not the engine's
        self.tampered: set[int] = set()
        self._read = 0
        self._artefact = 0
        self._keys: set[tuple[str, str]] = set()

    def look(self) -> None:
        """No live far end has heard anything; every drill effect is marked at both ends, and is one."""
        heard = self.town.live_end.folder / "heard.jsonl"
        assert not heard.exists() or not heard.stat().st_size, heard.read_text()[:2000]
        ledger = self.town.drill_end.folder / "heard.jsonl"
        if not ledger.exists():
            return
        with ledger.open("rb") as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        for line in lines:
            self._judge(json.loads(line))

    def read_artefacts(self) -> None:
        """Every stored text that was not read yet: a drill's has marks at both ends, a real one none."""
        with reading(self.town.site.engine) as session:
            rows = session.execute(
                select(ArtefactRow, AlertRow.document)
                .join(DispatchRow, DispatchRow.id == ArtefactRow.dispatch_id)
                .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
                .where(ArtefactRow.id > self._artefact)
                .order_by(ArtefactRow.id)
            ).all()
        known: dict[bytes, Status] = {}
        for row, document in rows:
            self._artefact = row.id
            if row.id in self.tampered:
                continue
            if document not in known:
                known[document] = cap.parse(document).status
            self._words(known[document], row.language, row.headline, row.text)

    def end(self) -> None:
        """The last look at the drills; then one real alert, to show that the live far ends were alive.

        Whoever was locked out is let in again for it. It must be heard there, and without a mark.
        """
        self.look()
        self.read_artefacts()
        self.town.live_end.come_up()
        with reading(self.town.site.engine) as session:
            self.seen["drill_messages"] = len(
                session.scalars(
                    select(DispatchRow.id)
                    .join(AlertRow, AlertRow.id == DispatchRow.alert_id)
                    .where(DispatchRow.drill_step_id.is_not(None), DispatchRow.approved_at.is_not(None))
                ).all()
            )
            self.seen["drills"] = len(session.scalars(select(OccurrenceRow.id)).all())
        with writing(self.town.site.engine) as session:
            for operator in session.scalars(select(OperatorRow)):
                operator.active = True
        self._real()

    # private steps

    def _real(self) -> None:
        town = self.town
        alert = factories.make_alert(
            identifier="real-at-the-end",
            status=Status.ACTUAL,
            severity=Severity.EXTREME,
            sent=town.clock.now().replace(microsecond=0),
            life=timedelta(hours=1),
        )
        handed_in = issue.Submission(
            alert=alert,
            audience=Audience(everybody=True),
            channels=("live-mail", "live-fm"),
            anew="別の災害です",
        )
        factories.approve(town.site, issue.submit(town.site, handed_in, factories.WRITER))
        town.send()
        self.read_artefacts()
        effects = town.live_end.heard()
        assert len(effects) >= 3, "the real alert did not arrive: the live far ends were not alive"
        for effect in effects:
            assert effect.status is Status.ACTUAL and not has_marks(effect.text or ""), effect
        self.seen["real_effects"] = len(effects)

    def _judge(self, effect: dict[str, str]) -> None:
        status = Status(effect["status"])
        assert status in _WORDS, effect
        self.seen["drill_effects"] += 1
        self._marked(status, effect["language"], effect["headline"], effect["text"])
        key = (effect["key"], str(effect["attempt"]))
        assert key not in self._keys, f"twice: {effect}"
        self._keys.add(key)

    def _words(self, status: Status, language: str, headline: str, text: str) -> None:
        if status in _WORDS:
            self.seen["drill_artefacts"] += 1
            self._marked(status, language, headline, text)
        else:
            self.seen["real_artefacts"] += 1
            assert not has_marks(headline) and not has_marks(text), f"a real alert with a mark: {text}"

    def _marked(self, status: Status, language: str, headline: str, text: str) -> None:
        mine, word = marks(status, language), _WORDS[status]
        assert mine is not None
        begins, ends = text.splitlines()[0], text.rstrip().splitlines()[-1]
        assert word in begins and word in ends and has_marks(begins) and has_marks(ends), text
        assert headline.startswith(mine.prefix), headline
