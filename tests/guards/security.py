"""The guards of security: the lines that docs/security.md promises, and the tests that notice their absence."""

from __future__ import annotations

from tests.guards import Guard

_GATE = ("tests/console/test_gate.py",)
_CONNECTION = ("tests/console/test_connection.py",)
_SIGN_IN = ("tests/console/test_sign_in.py",)
_POLICY = ("tests/console/test_policy.py",)
_CALLS = ("tests/unit/test_voice_callbacks.py",)
_WEBHOOK = ("tests/contract/test_webhook_contract.py", "tests/unit/test_injection.py")
_INJECTION = ("tests/unit/test_injection.py",)
_OUTBOUND = ("tests/unit/test_outbound.py",)
_SEALED = ("tests/store/test_sealed.py",)

SECURITY = (
    Guard(
        "S1 a password that is guessed first is refused",
        "alertd/operators.py",
        "        if not too_common(password, names):\n            return None\n",
        "        return None\n",
        ("tests/console/test_staff.py",),
    ),
    Guard(
        "S2 who guesses waits longer each time",
        "operator_console/sign_in.py",
        "            throttle.failed(name, visit.client, visit.now)\n",
        "",
        _SIGN_IN,
    ),
    Guard(
        "S4 a session ends when nobody uses it, and after half a day",
        "operator_console/signed_in.py",
        "    if row.ended_at is not None or _timed_out(row, now) is not None:\n",
        "    if row.ended_at is not None:\n",
        _SIGN_IN,
    ),
    Guard(
        "S5 a form from elsewhere is refused",
        "operator_console/admission.py",
        "        if changing and not same_origin(request, site.config.console_url):\n",
        "        if False:\n",
        _POLICY,
    ),
    Guard(
        "S5 a form without the session's token is refused",
        "operator_console/admission.py",
        '        if changing and not hmac.compare_digest(visit.field("csrf").encode(), found.csrf.encode()):\n',
        "        if False:\n",
        _POLICY,
    ),
    Guard(
        "S7 a role is asked for",
        "operator_console/admission.py",
        "        if not needs & found.person.roles:\n",
        "        if False:\n",
        _POLICY,
    ),
    Guard(
        "S9 no control character comes into a header",
        "channels/email_header.py",
        '        if unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs"):\n',
        "        if False:\n",
        ("tests/unit/test_email_message.py", *_INJECTION),
    ),
    Guard(
        "S9 no encoded word comes into a header",
        "channels/email_header.py",
        '    if "=?" in value:\n',
        "    if False:\n",
        ("tests/unit/test_email_message.py", *_INJECTION),
    ),
    Guard(
        "S9 no control character comes into a list of recipients",
        "alertd/address.py",
        '        unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text\n',
        "        False for character in text\n",
        ("tests/unit/test_recipient_list.py",),
    ),
    Guard(
        "S11 a document with a document type is refused",
        "alertd/cap/__init__.py",
        '    if b"<!DOCTYPE" in flat or b"<!ENTITY" in flat:\n',
        "    if False:\n",
        ("tests/unit/test_cap.py",),
    ),
    Guard(
        "S12 a report that nobody has signed is refused",
        "channels/webhook_signature.py",
        "    if not hmac.compare_digest(signature.encode(), _digest(secret, stamp, callback.body).encode()):\n",
        "    if False:\n",
        _WEBHOOK,
    ),
    Guard(
        "S13 an old report is refused",
        "channels/webhook_signature.py",
        "    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():\n",
        "    if False:\n",
        _WEBHOOK,
    ),
    Guard(
        "S14 every address of a name is judged",
        "alertd/outbound.py",
        "        if not allowed(host, at[0], inside):\n",
        "        if False:\n",
        _OUTBOUND,
    ),
    Guard(
        "S14 an address in disguise is judged as what it is",
        "alertd/outbound.py",
        "    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:\n"
        "        found = found.ipv4_mapped\n",
        "",
        _OUTBOUND,
    ),
    Guard(
        "S15 what is no message in a queue ends no worker",
        "alertd/doorbell.py",
        "            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]\n"
        "        except _STRANGE as error:\n",
        "            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]\n"
        "        except ZeroDivisionError as error:\n",
        ("tests/flow/test_hostile_broker.py",),
    ),
    Guard(
        "S15 what is no message among the taken ends no worker",
        "alertd/doorbell.py",
        "            super().restore_by_tag(tag, client, leftmost)  # type: ignore[no-untyped-call]\n"
        "        except _STRANGE as error:\n",
        "            super().restore_by_tag(tag, client, leftmost)  # type: ignore[no-untyped-call]\n"
        "        except ZeroDivisionError as error:\n",
        ("tests/flow/test_hostile_broker.py",),
    ),
    Guard(
        "S16 a sealed value belongs to its column",
        "alertd/key_ring.py",
        "        sealed = nonce + key.encrypt(nonce, text.encode(), purpose)\n",
        '        sealed = nonce + key.encrypt(nonce, text.encode(), b"")\n',
        _SEALED,
    ),
    Guard(
        "S21 a link that we did not make is not believed",
        "alertd/token.py",
        "    return int(number) if hmac.compare_digest(token.encode(), genuine) else None\n",
        "    return int(number)\n",
        ("tests/console/test_public.py",),
    ),
    Guard(
        "S22 no cell is a program",
        "alertd/spreadsheet.py",
        """    return f"'{cell}" if _COMPUTED.match(cell) else cell\n""",
        "    return cell\n",
        _INJECTION,
    ),
    Guard(
        "S23 no program's role changes the audit trail",
        "alertd/grants.py",
        '    return {**may, "audit": ("SELECT", "INSERT"), "alembic_version": ("SELECT",)}\n',
        '    return {**may, "alembic_version": ("SELECT",)}\n',
        ("tests/store/test_grants.py",),
    ),
    Guard(
        "S17 the public server's role writes no dispatch",
        "alertd/grants.py",
        "    if api:\n",
        "    if True:\n",
        ("tests/store/test_grants.py",),
    ),
    Guard(
        "S24 an event is one line of the log",
        "alertd/log_line.py",
        "        return super().formatMessage(record).translate(_ESCAPED)\n",
        "        return super().formatMessage(record)\n",
        _INJECTION,
    ),
    Guard(
        "S26 only our own proxy tells where somebody comes from",
        "operator_console/registration.py",
        "    while client in proxies and hops:\n",
        "    while hops:\n",
        ("tests/console/test_public_registration.py",),
    ),
    Guard(
        "S27 a body has a size",
        "operator_console/defences.py",
        "        if self._seen > LARGEST_BODY:\n            self.refused = 413\n            raise _Refused\n",
        "",
        _SIGN_IN,
    ),
    Guard(
        "S27 a refused body is said to be refused on every route",
        "operator_console/defences.py",
        "            if body.refused is None or started:\n",
        "            if True:\n",
        ("tests/console/test_large_and_slow.py",),
    ),
    Guard(
        "S27 a network that floods is refused",
        "operator_console/bucket.py",
        "        may = left >= 1\n",
        "        may = True\n",
        _GATE,
    ),
    Guard(
        "S27 callbacks are not counted",
        "operator_console/gate.py",
        '        if uncounted is not None and uncounted(scope["path"]):\n            return None\n',
        "",
        _GATE,
    ),
    Guard(
        "S27 a network that floods is turned away before its request is read",
        "operator_console/connection.py",
        "        if answer is None:\n",
        "        if True:\n",
        _GATE,
    ),
    Guard(
        "S27 who hangs up in the middle writes nothing into the log",
        "operator_console/defences.py",
        "            return  # it has hung up",
        "            raise  # it has hung up",
        _CONNECTION,
    ),
    Guard(
        "S27 a connection says in time what it wants",
        "operator_console/connection.py",
        "        self.head_due = asyncio.get_running_loop().call_later(SLOWEST_HEAD, transport.abort)\n",
        "        self.head_due = asyncio.get_running_loop().call_later(3600, transport.abort)\n",
        _CONNECTION,
    ),
    Guard(
        "S27 a head has a size",
        "operator_console/connection.py",
        "            if self._head_bytes > LARGEST_HEAD:\n",
        "            if False:\n",
        _CONNECTION,
    ),
    Guard(
        "S27 a strange mail is cut before it is read",
        "alertd/mail_document.py",
        "            document = document[: beyond.start()]\n",
        "            pass\n",
        ("tests/unit/test_readers.py",),
    ),
)
