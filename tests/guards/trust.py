"""The guards of trust: who may do what, what stays secret, what runs where; by the threats of docs/security.md."""

from __future__ import annotations

from tests.guards import Guard

_STAYS = ("tests/store/test_stays.py",)
_SIGN_IN = ("tests/console/test_sign_in.py",)
_PUBLIC = ("tests/console/test_public.py",)
_DRILL_ROOM = ("tests/console/test_drill_room.py",)
_RULES = ("tests/test_static_rules.py",)
_OVERRIDE = ("tests/flow/test_override.py",)
_COMPOSE = ("tests/test_compose.py",)

TRUST = (
    Guard(
        "S3 the database lets nobody approve their own real alert",
        "alertd/migrations/versions/0019_stays.py",
        'f"CREATE TRIGGER two_people BEFORE UPDATE OF approved_by ON dispatch WHEN {_ALONE} "',
        'f"CREATE TRIGGER two_people BEFORE UPDATE OF approved_by ON dispatch WHEN 0 AND {_ALONE} "',
        _STAYS,
    ),
    Guard(
        "S6 what is typed is text on a page of the console",
        "operator_console/page.py",
        "        autoescape=True,\n        auto_reload",
        "        autoescape=False,\n        auto_reload",
        _SIGN_IN,
    ),
    Guard(
        "S6 no script runs that stands in a page",
        "operator_console/defences.py",
        "script-src 'self'; ",
        "script-src 'self' 'unsafe-inline'; ",
        _SIGN_IN,
    ),
    Guard(
        "S8 no value is written into a statement",
        "alertd/store/letters.py",
        'text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK}',
        'text(f"SELECT pg_advisory_xact_lock({_LOCK})")',
        _RULES,
    ),
    Guard(
        "S8 nothing is started by a shell",
        "alertd/supervise.py",
        "                process_group=0,\n",
        "                process_group=0,\n                shell=True,\n",
        _RULES,
    ),
    Guard(
        "S10 what is spoken at a call holds nothing that XML cannot",
        "channels/call_script.py",
        '_SENTENCE.findall(_UNSPEAKABLE.sub(" ", text))',
        "_SENTENCE.findall(text)",
        ("tests/unit/test_voice_script.py", "tests/unit/test_injection.py"),
    ),
    Guard(
        "S18 a sound is had by its digest alone",
        "operator_console/sounds.py",
        "    if not _DIGEST.fullmatch(digest):\n",
        "    if False:\n",
        _PUBLIC,
    ),
    Guard(
        "S19 nobody gets a second letter while the first is unanswered",
        "alertd/postman.py",
        "        letters.unanswered(session, row.address, now - _HOUR) < limits.per_address_hour\n        and ",
        "        ",
        ("tests/console/test_public_registration.py",),
    ),
    Guard(
        "S20 who only looks at a link leaves no list",
        "operator_console/public.py",
        'PublicRoute(("GET",), "/stop/{token}", registration.stop_page)',
        'PublicRoute(("GET",), "/stop/{token}", registration.stop)',
        _PUBLIC,
    ),
    Guard(
        "S25 a secret does not stand in the configuration",
        "alertd/settings.py",
        "        if key in secrets:\n            problems.append(",
        "        if False:\n            problems.append(",
        ("tests/unit/test_settings.py",),
    ),
    Guard(
        "S28 only what has the hash of the lock is installed",
        "Dockerfile",
        "uv pip install --system --no-cache --require-hashes --no-deps",
        "uv pip install --system --no-cache --no-deps",
        _COMPOSE,
    ),
    Guard(
        "S29 our containers have no rights of the system",
        "docker-compose.yml",
        "  tmpfs: [/tmp]\n  cap_drop: [ALL]\n",
        "  tmpfs: [/tmp]\n",
        _COMPOSE,
    ),
    Guard(
        "S29 our containers are not root",
        "Dockerfile",
        "USER 10001\n",
        "",
        _COMPOSE,
    ),
    Guard(
        "S30 a browser that came by https comes back by it",
        "operator_console/defences.py",
        "if https else HEADERS",
        "if False else HEADERS",
        ("tests/console/test_https.py",),
    ),
    Guard(
        "S30 by https a session's cookie goes no other way",
        "operator_console/admission.py",
        '    return site.config.console_url.startswith("https://")\n',
        "    return False\n",
        ("tests/console/test_https.py",),
    ),
    Guard(
        "S30 a password does not travel in clear",
        "channels/email_settings.py",
        "        if self.username is not None and self.tls is Tls.NONE and away:\n",
        "        if False:\n",
        ("tests/unit/test_email_stages.py",),
    ),
    Guard(
        "S31 a trainee is known in the drill room alone",
        "operator_console/drill_room.py",
        "    return Role.TRAINEE not in person.roles or not site.config.web.drill_port\n",
        "    return True\n",
        _DRILL_ROOM,
    ),
    Guard(
        "S31 the drill room has no channel that carries real alerts",
        "operator_console/drill_room.py",
        "        if Status.ACTUAL not in settings.carries\n",
        "",
        _DRILL_ROOM,
    ),
    Guard(
        "S32 only a threat to life is sent by one person",
        "alertd/dispatch.py",
        "    if not circumstances.life_threat:\n",
        "    if False:\n",
        (*_OVERRIDE, "tests/unit/test_dispatch.py"),
    ),
    Guard(
        "S32 who sent alone does not look at it afterwards",
        "alertd/override.py",
        "        if person.id == row.approved_by:\n",
        "        if False:\n",
        _OVERRIDE,
    ),
    Guard(
        "S33 an old approval lapses",
        "alertd/plan.py",
        "            if _lapsed(session, site, row, now):\n                return 0\n",
        "",
        _OVERRIDE,
    ),
    Guard(
        "S34 the console does not document itself",
        "operator_console/app.py",
        "        openapi_url=None,\n",
        '        openapi_url="/openapi.json",\n',
        ("tests/console/test_policy.py",),
    ),
    Guard(
        "S35 a restored database holds back",
        "alertd/worker.py",
        "                hold.look(self._site)\n",
        "                pass\n",
        ("tests/flow/test_restore.py",),
    ),
    Guard(
        "S36 who approves has typed the order and the area",
        "operator_console/approval.py",
        '    if not confirms(dispatch.alert, visit.field("typed")):\n',
        "    if False:\n",
        ("tests/console/test_walk.py",),
    ),
)
