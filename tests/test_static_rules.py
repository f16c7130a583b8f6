"""What no line of the product does, whatever its tests say: each rule finds its bad sample, and nothing else.

Beside flake8-bandit's rules, which `ruff check` keeps (pyproject.toml has what is left out, and why).
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_PRODUCT = ("alertd", "channels", "tts", "operator_console")
#: names of what must be compared in a time that tells nothing
_SECRET = re.compile(r"(.*_)?(secret|signature|mac|csrf|password|given_token)(_\w+)?")

_Rule = Callable[[ast.AST], bool]


def _called(node: ast.AST) -> str:
    """`yaml.load` of `yaml.load(…)`; nothing of anything else."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _keyword(node: ast.AST, name: str) -> str:
    given = node.keywords if isinstance(node, ast.Call) else []
    return next((ast.unparse(one.value) for one in given if one.arg == name), "")


def _imports(node: ast.AST, *modules: str) -> bool:
    named = [one.name for one in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        named = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return any(one == module or one.startswith(f"{module}.") for one in named for module in modules)


def _shell(node: ast.AST) -> bool:
    return _keyword(node, "shell") == "True" or _called(node) in (
        "os.system",
        "os.popen",
        "subprocess.getoutput",
    )


def _code_from_data(node: ast.AST) -> bool:
    return _called(node) in ("eval", "exec", "yaml.load", "yaml.unsafe_load") or _imports(
        node, "pickle", "marshal", "shelve", "dill"
    )


def _sql_of_values(node: ast.AST) -> bool:
    if _called(node).rpartition(".")[2] not in ("text", "execute", "exec_driver_sql", "literal_column"):
        return False
    assert isinstance(node, ast.Call)
    first = node.args[0] if node.args else None
    return isinstance(first, (ast.JoinedStr, ast.BinOp)) or _called(first or node).endswith(".format")


def _unchecked_tls(node: ast.AST) -> bool:
    return (
        _keyword(node, "verify") == "False"
        or "_create_unverified_context" in _called(node)
        or (isinstance(node, ast.Attribute) and node.attr == "CERT_NONE")
        or (isinstance(node, ast.Assign) and ast.unparse(node).endswith("check_hostname = False"))
    )


def _guessable(node: ast.AST) -> bool:
    return _imports(node, "random") or _called(node) in ("uuid.uuid1", "tempfile.mktemp")


def _told_by_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return False
    sides = [node.left, node.comparators[0]]
    if any(isinstance(side, ast.Constant) for side in sides):
        return False
    return any(_SECRET.fullmatch(ast.unparse(side).rpartition(".")[2].lower()) for side in sides)


def _leads_away(node: ast.AST) -> bool:
    if _called(node) != "RedirectResponse":
        return False
    assert isinstance(node, ast.Call)
    return not _stays(node.args[0])


def _stays(place: ast.expr) -> bool:
    """Whether an address begins with a page of ours: `/word`, `/sign-in…`, or what `ours` lets through."""
    if isinstance(place, ast.IfExp):
        return _stays(place.body) and _stays(place.orelse)
    if isinstance(place, ast.JoinedStr):
        place = place.values[0]
    if isinstance(place, ast.Constant):
        return re.match(r"/[a-z]", str(place.value)) is not None
    return _called(place) == "ours" or ast.unparse(place) in ("SET_UP", "FIRST", "after")


def _unescaped(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    given = [*node.args, *(one.value for one in node.keywords)]
    if all(isinstance(one, ast.Constant) for one in given):
        return False  # what stands in the code itself; its `format` and `join` escape
    return _called(node) in ("Markup", "markupsafe.Markup", "HTMLResponse")


def _reaches_out(node: ast.AST) -> bool:
    return _imports(node, "httpx", "requests", "urllib.request", "http.client", "urllib3", "aiohttp")


#: rule -> (what it finds, a sample that it must find, where it may be, each with its reason)
RULES: dict[str, tuple[_Rule, str, dict[str, str]]] = {
    "a shell": (_shell, "subprocess.run(words, shell=True)", {}),
    "code that comes of data": (_code_from_data, "yaml.load(document)", {}),
    "SQL with values in its text": (
        _sql_of_values,
        "session.execute(text(f'SELECT {name}'))",
        {
            "alertd/backup.py": "names of pragmas and tables, from itself and from the database",
            "alertd/db.py": "settings of a connection, which stand in the file",
            "alertd/help_wanted.py": "a member of an enumeration",
            "alertd/migrations/": "names of tables, columns and states that stand in the file",
            "alertd/store/crowds.py": "pieces of statements that stand in the file",
        },
    ),
    "TLS that is not checked": (_unchecked_tls, "httpx.get(url, verify=False)", {}),
    "chance that can be guessed": (
        _guessable,
        "import random",
        {
            "alertd/demo/city.py": "an invented town that is the same each time",
            "alertd/demo/telephone_faults.py": "simulated faults that repeat",
            "alertd/demo/telephone_household.py": "simulated people who repeat themselves",
        },
    ),
    "a secret whose comparison tells by its time": (
        _told_by_time,
        "if given.signature == signature: pass",
        {
            "alertd/demo/smtp_dialogue.py": "a far end that is simulated",
            "alertd/settings.py": "the name of a key, not its value",
        },
    ),
    "a redirect that may lead away": (_leads_away, "RedirectResponse(visit.query['next'])", {}),
    "words that are not escaped": (
        _unescaped,
        "Markup(name)",
        {
            "operator_console/public_page.py": "templates that escape",
            "operator_console/page.py": "templates that escape",
        },
    ),
    "a request that goes past the judge of addresses": (
        _reaches_out,
        "import requests",
        {
            "alertd/outbound.py": "the judge",
            "alertd/fetch.py": "asks by way of the judge",
            "alertd/up.py": "asks our own programs on this machine whether they are ready",
            "alertd/demo/": "far ends that are simulated, on this machine",
            "channels/air.py": "the player in the studio at an address of the configuration",
            "channels/contact.py": "a switch in the studio at an address of the configuration",
            "channels/signed_http.py": "an error of the connections of `outbound`",
            "channels/twilio_account.py": "the provider's own library at an address of the configuration",
        },
    ),
}


def _product() -> Iterator[tuple[str, ast.AST]]:
    """Every node of every file of the product that some rule looks at."""
    looked_at = (ast.Assign, ast.Attribute, ast.Call, ast.Compare, ast.Import, ast.ImportFrom)
    for path in (path for folder in _PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, looked_at):
                yield name, node


@pytest.mark.parametrize("name", RULES)
def test_a_rule_finds_its_bad_sample(name: str):
    rule, sample, _ = RULES[name]
    assert any(map(rule, ast.walk(ast.parse(sample))))


def test_the_product_keeps_every_rule():
    broken, used = [], set()
    for file, node in _product():
        for name, (rule, _, reasons) in RULES.items():
            if rule(node):
                may = {(name, reason) for reason in reasons if file.startswith(reason)}
                used |= may
                if not may:
                    broken.append(f"{file}:{getattr(node, 'lineno', 0)}: {name}")
    assert broken == []
    idle = {(name, reason) for name, (_, _, reasons) in RULES.items() for reason in reasons} - used
    assert idle == set(), "no reason outlives what it was for"


def test_templates_escape_everything_but_a_picture_of_our_own():
    folders = (ROOT / "operator_console" / "templates", ROOT / "alertd" / "letters")
    files = [path for folder in folders for path in folder.rglob("*.*")]
    unescaped = re.compile(r"\|\s*safe\b|autoescape\s+(?:false|off)|\bon\w+=|javascript:", re.I)
    found = {path.name: unescaped.findall(path.read_text(encoding="utf-8")) for path in files}
    assert {name: hits for name, hits in found.items() if hits} == {"second_factor.html": ["| safe"]}


def test_flake8_bandits_rules_are_on(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import hashlib, os, pickle, random, subprocess\nfrom xml.etree import ElementTree\n"
        "def go(name, session):\n"
        "    os.system(name)\n    subprocess.run(name, shell=True)\n    pickle.loads(name)\n    eval(name)\n"
        "    hashlib.md5(name)\n    token = random.random()\n    os.chmod(name, 0o777)\n"
        "    ElementTree.fromstring(name)\n    session.execute(f'SELECT a FROM {name} WHERE b')\n    return token\n"
    )
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ruff",
            *("check", "--no-cache", "--output-format", "concise", "--config", ROOT / "pyproject.toml", bad),
        ],
        capture_output=True,
        text=True,
    )
    for code in ("S605", "S602", "S301", "S307", "S324", "S311", "S103", "S314", "S608"):
        assert f" {code} " in done.stdout, f"{code} does not find its sample\n{done.stdout}"


#: flake8-bandit's rules whose findings bandit itself grades medium or high
_GRAVE = (
    "S102 S103 S104 S108 S113 S301 S302 S303 S305 S306 S307 S308 S310 S313 S314 S315 S316 S317 S318 S319 S323"
    " S324 S411 S412 S413 S501 S502 S503 S504 S505 S506 S507 S508 S509 S601 S602 S604 S605 S608 S609 S610 S611"
    " S612 S701 S702 S704"
)


def _graver(*paths: str | Path) -> str:
    """What those rules find, whatever is hushed in a line or in pyproject.toml; empty = nothing."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ruff",
            *("check", "--isolated", "--preview", "--ignore-noqa", "--no-cache", "--output-format=concise"),
            f"--select={_GRAVE.replace(' ', ',')}",
            *paths,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return "" if done.returncode == 0 else done.stdout


def test_no_line_of_the_product_has_a_finding_of_medium_gravity_not_even_a_hushed_one(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text('import os\n\nos.chmod("x", 0o777)  # noqa: S103 - hushed\n')
    assert "bad.py:3" in _graver(bad)
    assert _graver(*_PRODUCT) == ""
