"""The guards: each line that keeps an alert from going wrong, and the tests that notice when it is taken out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """A piece of a file, what stands there without the guard, and the tests of which one must fail."""

    name: str
    file: str
    there: str
    without: str
    tests: tuple[str, ...]


_FLOW = ("tests/flow/test_fences.py", "tests/flow/test_dispatch_flow.py", "tests/flow/test_in_doubt_flow.py")
_STREAM = ("tests/flow/test_stream_flow.py",)
_DRILL = (
    "tests/flow/test_drill_times.py",
    "tests/flow/test_drill_and_real.py",
    "tests/flow/test_drill_chaos.py",
)
_REPORTS = ("tests/contract/test_webhook_contract.py", "tests/contract/test_gateway_contract.py")

GUARDS = (
    Guard(
        "the author does not approve",
        "alertd/dispatch.py",
        "        _two_people(circumstances, person)\n",
        "        pass\n",
        ("tests/unit/test_dispatch.py", *_FLOW),
    ),
    Guard(
        "what was shown is what is approved",
        "alertd/issue.py",
        "if seen != row.content_hash or papers.stored_hash(session, row, alert) != row.content_hash:",
        "if False:",
        _FLOW,
    ),
    Guard(
        "what was approved is what is sent",
        "alertd/messages.py",
        "if papers.stored_hash(session, row, document) != row.content_hash or row.approved_by is None:",
        "if False:",
        _FLOW,
    ),
    Guard(
        "a channel carries only what it may",
        "alertd/channel.py",
        "        if status not in self.carries:\n",
        "        if False:\n",
        ("tests/contract/test_fake_contract.py",),
    ),
    Guard(
        "a drill without marks, or a real alert with them, does not leave",
        "alertd/marks.py",
        "    mine = marks(status, language)\n",
        "    return\n    mine = marks(status, language)\n",
        ("tests/unit/test_render.py", "tests/unit/test_lint.py", "tests/console/test_incidents.py"),
    ),
    Guard(
        "a sender marks only what it has leased",
        "alertd/store/claims.py",
        "            DeliveryRow.claimed_until > now,\n",
        "",
        _FLOW,
    ),
    Guard(
        "only whose process is gone is dead",
        "alertd/lifeline.py",
        "            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            there,",
        "            there,",
        ("tests/unit/test_lifeline.py", "tests/flow/test_inherit.py"),
    ),
    Guard(
        "a far end that is asked has time to know what it was told last",
        "alertd/store/claims.py",
        "    begun = () if handed else (DeliveryRow.handed_at.is_(None),)\n",
        "    begun: tuple[()] = ()\n",
        ("tests/flow/test_inherit.py",),
    ),
    Guard(
        "a receipt of an earlier attempt changes nothing",
        "alertd/store/crowds.py",
        "AND owner = :owner AND attempt = :attempt AND standing < :rank",
        "AND owner = :owner AND standing < :rank",
        (*_FLOW, "tests/flow/test_calls_flow.py"),
    ),
    Guard(
        "who has lost its lease records nothing",
        "alertd/store/crowds.py",
        "AND owner = :owner AND attempt = :attempt AND standing < :rank",
        "AND attempt = :attempt AND standing < :rank",
        (*_FLOW, *_STREAM),
    ),
    Guard(
        "a later word of less weight changes nothing",
        "alertd/store/crowds.py",
        "AND owner = :owner AND attempt = :attempt AND standing < :rank",
        "AND owner = :owner AND attempt = :attempt",
        (*_FLOW, "tests/flow/test_callbacks.py", "tests/flow/test_calls_flow.py"),
    ),
    Guard(
        "what was stopped is not marked as handed over",
        "alertd/store/claims.py",
        "            DeliveryRow.claimed_until > now,\n            DeliveryRow.due_at.is_not(None),\n",
        "            DeliveryRow.claimed_until > now,\n",
        (*_FLOW, "tests/flow/test_halt.py"),
    ),
    Guard(
        "a correction waits for its alert",
        "alertd/store/claims.py",
        "            or_(DeliveryRow.after_id.is_(None), being_said.is_(None)),\n",
        "",
        _FLOW,
    ),
    Guard(
        "a held dispatch is not planned",
        "alertd/plan.py",
        "            if row.hold_until is not None and now < row.hold_until:\n",
        "            if False:\n",
        ("tests/flow/test_restore.py", "tests/flow/test_override.py"),
    ),
    Guard(
        "a hand-over is marked before it begins",
        "alertd/store/claims.py",
        "attempt=DeliveryRow.attempt + beginning, handed_at=now, line_until=None",
        "attempt=DeliveryRow.attempt + beginning, line_until=None",
        _FLOW,
    ),
    Guard(
        "a stream notes what begins",
        "alertd/journal.py",
        "        self._map[_HEADER + slot * _SLOT_BYTES] = _BEGUN\n",
        "",
        _STREAM,
    ),
    Guard(
        "what is more urgent goes before what is ready",
        "alertd/stream.py",
        "            (self._ahead if one.priority < waits else self._ready).append(one)\n",
        "            self._ready.append(one)\n",
        ("tests/flow/test_stream_order.py",),
    ),
    Guard(
        "a stream that was taken over begins nothing",
        "alertd/journal.py",
        "        if self._map[0] != _TAKEN_OVER:\n            return True\n",
        "        return True\n",
        _STREAM,
    ),
    Guard(
        "what somebody has leased nobody else claims",
        "alertd/store/crowds.py",
        "      AND (d.claimed_until IS NULL OR d.claimed_until <= :now)\n",
        "",
        ("tests/flow/test_fences.py", *_STREAM),
    ),
    Guard(
        "what a dead stream was handing over comes to light",
        "alertd/store/held.py",
        "            .values(turn=None)\n",
        "            .values(turn=DeliveryRow.turn)\n",
        ("tests/flow/test_claims.py", *_STREAM),
    ),
    Guard(
        "what is being handed over is noted where it is looked for",
        "alertd/store/crowds.py",
        "        held.note(session, channel, owner, until, ids := [row[0] for row in rows])\n",
        "        ids = [row[0] for row in rows]\n",
        ("tests/flow/test_claims.py", *_STREAM),
    ),
    Guard(
        "a writer begins as a writer",
        "alertd/db.py",
        '"BEGIN" if read_only else "BEGIN IMMEDIATE"',
        '"BEGIN"',
        ("tests/store", *_FLOW),
    ),
    Guard(
        "an audience that has doubled stops the dispatch",
        "alertd/plan.py",
        "    if grown:\n",
        "    if False:\n",
        _FLOW,
    ),
    Guard(
        "an audience that was changed after approval stops the dispatch",
        "alertd/plan.py",
        "    if row.audience_hash != audience_hash(",
        "    if False and row.audience_hash != audience_hash(",
        _FLOW,
    ),
    Guard(
        "what has expired is not sent where no relay has looked",
        "alertd/record.py",
        "    if dispatch.expires_at > now:\n",
        "    if True:\n",
        _FLOW,
    ),
    Guard(
        "what has expired is not sent late",
        "alertd/relay.py",
        "        if row.expires_at <= now:\n            store.close_open",
        "        if False:\n            store.close_open",
        _FLOW,
    ),
    Guard(
        "sending alone needs a code",
        "alertd/override.py",
        "            _prove(session, site, person, code, now)\n",
        "            pass\n",
        ("tests/flow/test_override.py",),
    ),
    Guard(
        "a code counts once",
        "alertd/second_factor.py",
        ".where(OperatorRow.id == row.id, or_(latest.is_(None), latest < step))",
        ".where(OperatorRow.id == row.id)",
        ("tests/flow/test_override.py",),
    ),
    Guard(
        "a row of the record follows the one before",
        "alertd/audit.py",
        " or previous_hash != previous",
        "",
        ("tests/store/test_audit.py",),
    ),
    Guard(
        "a drill is what was armed",
        "alertd/drill/guard.py",
        "    if step.armed_hash != arming_hash([step], {step.id: row}):\n",
        "    if False:\n",
        _DRILL,
    ),
    Guard(
        "a drill goes to the audience that was handed in",
        "alertd/drill/guard.py",
        "    if row.audience_hash != audience_hash(audience, row.counts):\n",
        "    if False:\n",
        _DRILL,
    ),
    Guard(
        "an address that was erased is not brought back by a list",
        "alertd/register.py",
        "    left = suppressed(session, [(one.kind, one.address) for person in chunk for one in person.contacts])\n",
        "    left: frozenset[tuple[str, str]] = frozenset()\n",
        ("tests/flow/test_retention.py", "tests/console/test_recipients.py"),
    ),
    Guard(
        "a request goes to no address inside",
        "alertd/outbound.py",
        "        if not allowed(host, at[0], inside):\n",
        "        if False:\n",
        ("tests/unit/test_outbound.py",),
    ),
    Guard(
        "a callback of the telephone network is signed",
        "channels/twilio_signature.py",
        "    if not _signed(RequestValidator(secret.get_secret_value()), callback.url, form, signature, algorithm):\n",
        "    if False:\n",
        ("tests/unit/test_voice_callbacks.py", "tests/contract/test_voice_contract.py"),
    ),
    Guard(
        "a report is signed",
        "channels/webhook_signature.py",
        "    if not hmac.compare_digest(signature.encode(), _digest(secret, stamp, callback.body).encode()):\n",
        "    if False:\n",
        _REPORTS,
    ),
    Guard(
        "a report is recent",
        "channels/webhook_signature.py",
        "    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():\n",
        "    if False:\n",
        _REPORTS,
    ),
    Guard(
        "a report is about the delivery that its address names",
        "channels/signed_report.py",
        "    if report.key != callback.target.key:\n",
        "    if False:\n",
        _REPORTS,
    ),
    Guard(
        "a page is for its roles",
        "operator_console/admission.py",
        "        if not needs & found.person.roles:\n",
        "        if False:\n",
        ("tests/console/test_policy.py",),
    ),
    Guard(
        "a form comes from our own page",
        "operator_console/admission.py",
        '        if changing and not hmac.compare_digest(visit.field("csrf").encode(), found.csrf.encode()):\n',
        "        if False:\n",
        ("tests/console/test_policy.py", "tests/console/test_gate.py", "tests/console/test_sign_in.py"),
    ),
    Guard(
        "a second alert of a kind waits for its author's word",
        "alertd/issue.py",
        "        twin.check(session, submission, now)  # once more: another one may have been faster\n",
        "        pass\n",
        ("tests/flow/test_twin.py",),
    ),
    Guard(
        "one real alert too many waits for who administers",
        "alertd/hourly.py",
        "    if count is not None and row.permitted_by is None and Role.ADMINISTER not in person.roles:\n",
        "    if False:\n",
        ("tests/flow/test_hourly.py",),
    ),
    Guard(
        "nobody sends alone once more within the hour",
        "alertd/override.py",
        "    if len(before) >= most:\n",
        "    if False:\n",
        ("tests/flow/test_override.py",),
    ),
    Guard(
        "a session that was ended stays ended",
        "operator_console/signed_in.py",
        "    if row.ended_at is not None or _timed_out(row, now) is not None:\n",
        "    if _timed_out(row, now) is not None:\n",
        ("tests/console/test_sessions.py",),
    ),
    Guard(
        "nothing is handed over while everything is held",
        "alertd/store/freezes.py",
        "    return min((_BELOW[Scope(scope)] for scope, ends_at in held if not _over(ends_at, now)), default=ALL)\n",
        "    return ALL\n",
        ("tests/flow/test_maintenance.py", "tests/flow/test_freeze.py"),
    ),
    Guard(
        "far ends under maintenance are not even tested",
        "alertd/link_test.py",
        "        if freezes.maintained(session, now):\n",
        "        if False:\n",
        ("tests/flow/test_maintenance.py",),
    ),
    Guard(
        "a changed section waits for two people",
        "alertd/settled.py",
        "    digest = site.unsettled.get(name)\n",
        "    digest = None\n",
        ("tests/flow/test_settled.py",),
    ),
    Guard(
        "who has confirmed settings does not confirm them once more",
        "alertd/settled.py",
        "_agreed(row, now) and row.agreed_by != person.id for row in rows",
        "_agreed(row, now) for row in rows",
        ("tests/flow/test_settled.py",),
    ),
    Guard(
        "settings that were confirmed are those that were shown",
        "alertd/settled.py",
        "    if seen != _digest(rows):\n",
        "    if False:\n",
        ("tests/flow/test_settled.py",),
    ),
)
