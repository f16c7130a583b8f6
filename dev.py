"""The two commands of a fresh clone: `python3 dev.py run` and `python3 dev.py test`.

Needs Python 3.11 or newer and nothing else. Everything it brings goes into `.venv` and
`.cache` beside this file: exactly the files whose hashes stand in the locks. What is
already in place is not touched, so that a second start takes a moment.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        f"alertd needs Python 3.11 or newer; this is Python {sys.version.split()[0]} ({sys.executable}).\n"
        "Try: python3.11 dev.py run"
    )

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
#: of the Python that runs this; `.venv` has one of the same
SERIES = f"{sys.version_info[0]}.{sys.version_info[1]}"
CACHE = ROOT / ".cache"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "alertd-stamp"
#: what `run` needs, and what `test` needs (the same and more)
RUNTIME, TEST = ROOT / "requirements.lock", ROOT / "requirements-test.lock"
UV_LOCK = ROOT / "requirements-uv.lock"

USAGE = """\
usage: python3 dev.py COMMAND [ARGUMENTS]

  run [-- ARGUMENTS]   set up, then a demo city with simulated far ends, until Ctrl-C
  test [ARGUMENTS]     set up, then every check; arguments go to pytest
  chaos [ARGUMENTS]    set up, then kill programs in the middle of dispatches (chaos --help)
  fuzz [ARGUMENTS]     set up, then strange documents for every reader (fuzz --help)
  setup [--test]       set up only
  lock                 make the locks anew from pyproject.toml (newest versions: lock --upgrade)

examples:
  python3 dev.py run                               the console's address is printed
  python3 dev.py run -- --once --recipients 500    ends by itself
  python3 dev.py test                              everything
  python3 dev.py test -k twilio -x                 what has to do with Twilio, until the first failure

environment:
  ALERTD_CHROMIUM=PATH        the browser for the console's tests
  ALERTD_REQUIRE_BROWSER=1    a missing browser is a failure, not a skip (CI=true does the same)
  ALERTD_NO_APT=1             `test` installs no Debian packages
  TMPDIR=FOLDER               where the tests write; without it in memory, where there is room
"""


#: of Debian packages; as root, apt would complain that its own user cannot write to our folder
DOWNLOAD = ("apt-get", "download", "-qq", "-o=APT::Sandbox::User=root")
#: one word of a command line
Word = str | Path


class SetupFailed(Exception):
    """The set-up cannot go on; the message says what a person can do."""


# --- setting up ---------------------------------------------------------------------------------


def set_up(lock: Path) -> None:
    """Brings `.venv` to what `lock` says.

    1. Nothing to do when the stamp has the digest of the locks, the project and this Python.
    2. A virtual environment without pip: works where Debian's python3-venv is missing.
    3. uv, by any pip that can be found.
    4. The packages by uv, or by pip when uv finds no way to the index.
    5. This folder itself, so that its commands and plugins can be found.
    6. The stamp. The test lock holds all of the runtime lock, so it stands for both.
    """
    started = time.monotonic()
    if _digest(lock) in _stamps():
        return
    with _only_one_at_a_time():
        if _digest(lock) in _stamps():
            return
        STAMP.unlink(missing_ok=True)
        _make_environment()
        pip = _find_pip()
        uv = _install_uv(pip)
        _install_packages(uv, pip, lock)
        _install_project(uv, pip)
        kept = {_digest(lock)} | ({_digest(RUNTIME)} if lock == TEST else set())
        STAMP.write_text("\n".join(sorted(kept)) + "\n")
    say(f"set up in {time.monotonic() - started:.1f} s")


def _digest(lock: Path) -> str:
    """Stands for all that the environment depends on."""
    digest = hashlib.sha256(f"{SERIES} {sys.platform} {ROOT}".encode())
    for path in (lock, UV_LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamps() -> set[str]:
    return set(STAMP.read_text().split()) if STAMP.exists() and PYTHON.exists() else set()


@contextlib.contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "setup.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is under way in this folder; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_environment() -> None:
    if PYTHON.exists():
        made = (VENV / "pyvenv.cfg").read_text()
        # a folder that was moved has programs that point to where it was
        if f"version = {SERIES}." in made and f"{VENV}\n" in made:
            return
    base = fastest_python()
    with step(f"making .venv with Python {SERIES} ({base})"):
        call([base, "-m", "venv", "--without-pip", "--clear", VENV])


def fastest_python() -> Path:
    """This Python, outside of any virtual environment; or one of its series here that was built to be faster."""
    here = Path(getattr(sys, "_base_executable", sys.executable))
    if _built_well(here):
        return here
    others = (
        Path(folder, f"python{SERIES}") for folder in (*os.get_exec_path(), "/usr/local/bin", "/usr/bin")
    )
    return next((other for other in others if _built_well(other)), here)


#: ends well in a Python that is not slow and has what an installation needs of the standard library
_PROBE = """
import ctypes, lzma, sqlite3, ssl, sys, venv
from alertd import interpreter
sys.exit(interpreter.is_slow())
"""


def _built_well(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", _PROBE], cwd=ROOT, capture_output=True).returncode == 0
    except OSError:
        return False


def _find_pip() -> list[str]:
    """The command of a pip that works on `.venv`; its own wheel can be run as it is."""
    found = importlib.util.find_spec("ensurepip")
    bundled = Path(found.origin).parent / "_bundled" if found and found.origin else ROOT / "none"
    for folder in (bundled, Path("/usr/share/python-wheels"), CACHE / "pip/usr/share/python-wheels"):
        for wheel in sorted(folder.glob("pip-*.whl")):
            return [str(PYTHON), f"{wheel}/pip"]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if shutil.which("apt-get") and shutil.which("dpkg"):
        with step("fetching pip from Debian"):
            (CACHE / "pip").mkdir(parents=True, exist_ok=True)
            if run([*DOWNLOAD, "python3-pip-whl"], cwd=CACHE / "pip"):
                for package in (CACHE / "pip").glob("python3-pip-whl_*.deb"):
                    call(["dpkg", "-x", package, CACHE / "pip"])
        for wheel in sorted((CACHE / "pip/usr/share/python-wheels").glob("pip-*.whl")):
            return [str(PYTHON), f"{wheel}/pip"]
    raise SetupFailed("this Python has no pip. On Debian and Ubuntu: sudo apt-get install python3-venv")


def _install_uv(pip: Sequence[str]) -> Path:
    uv = VENV / "bin" / "uv"
    pinned = UV_LOCK.read_text().split()[0].removeprefix("uv==")
    if not (uv.exists() and list(VENV.glob(f"lib/python3*/site-packages/uv-{pinned}.dist-info"))):
        with step("installing uv"):
            call([*pip, "install", "-q", *PINNED, "-r", UV_LOCK])
    return uv


#: only files whose hash is in the lock, ready-built, and nothing beside them
PINNED = ("--require-hashes", "--no-deps", "--only-binary", ":all:")


def _install_packages(uv: Path, pip: Sequence[str], lock: Path) -> None:
    count = sum("==" in line for line in lock.read_text().splitlines())
    with step(f"installing {count} packages of {lock.name}"):
        loud: list[Word] = [] if sys.stderr.isatty() else ["-q"]
        if not run([uv, "pip", "install", *loud, "--python", PYTHON, *PINNED, "-r", lock]):
            say("uv did not manage; once more with pip, which takes longer but reads pip's settings")
            call([*pip, "install", *loud, *PINNED, "-r", lock])


def _install_project(uv: Path, pip: Sequence[str]) -> None:
    arguments: list[Word] = ["-q", "--no-deps", "--no-build-isolation", "-e", ROOT]
    plain: list[Word] = ["--config-settings", "editable_mode=compat"]
    if not run([uv, "pip", "install", "--python", PYTHON, *arguments, *plain]):
        call([*pip, "install", *arguments, *plain])


# --- what only the tests need, from Debian ---------------------------------------------------------

#: a program, and the package that has it
PROGRAMS = {
    "chromium-headless-shell": "chromium-headless-shell",
    "liquidsoap": "liquidsoap",
    "multimon-ng": "multimon-ng",
    "ffmpeg": "ffmpeg",
    "baresip": "baresip-core",
    "sipp": "sip-tester",
    "flite": "flite",
    "open_jtalk": "open-jtalk",
}
#: npm's own lock for the proxy that watches our requests to the telephone network, …
PROXY = ROOT / "tests" / "far_ends" / "prism"
#: … and how long it is waited for when all else is done, in seconds
PATIENCE = 120
#: what has no program: a Japanese font, without which every kanji on a screenshot is a box,
#: and the dictionary of the second Japanese voice
FILES = {
    "/usr/share/fonts/opentype/ipafont-gothic": "fonts-ipafont-gothic",
    "/var/lib/mecab/dic/open-jtalk/naist-jdic": "open-jtalk-mecab-naist-jdic",
}


def bring_programs() -> None:
    """Installs the far ends that have no wheel, when root and apt-get allow; otherwise their tests skip."""
    browsers = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    has_browser = "ALERTD_CHROMIUM" in os.environ or any(map(shutil.which, browsers))
    missing = [
        package
        for program, package in PROGRAMS.items()
        if not (has_browser if program in browsers else shutil.which(program))
    ]
    missing += [package for path, package in FILES.items() if not Path(path).exists()]
    sink = CACHE / "postfix/usr/sbin/smtp-sink"
    if not missing and (sink.exists() or shutil.which("smtp-sink")):
        return
    if os.environ.get("ALERTD_NO_APT") or not shutil.which("apt-get"):
        return
    if missing and os.geteuid() != 0:
        say(
            "not root, so some tests will be skipped; to have them: sudo apt-get install " + " ".join(missing)
        )
        missing = []
    with _only_one_at_a_time():
        if os.geteuid() == 0:
            run(["apt-get", "update", "-qq"])
        if missing:
            with step("installing " + ", ".join(missing)), _no_services():
                install: list[Word] = [
                    "apt-get",
                    "install",
                    "-qq",
                    "-y",
                    "--no-install-recommends",
                    "-o=Dpkg::Use-Pty=0",
                ]
                if not run([*install, *missing]):
                    # one by one: a package that this release does not have must not spoil the rest
                    failed = [name for name in missing if not run([*install, name])]
                    say("!! apt-get could not install " + ", ".join(failed) + "; tests that need it skip")
        if not sink.exists() and not shutil.which("smtp-sink") and shutil.which("dpkg"):
            with step("fetching smtp-sink (unpacked from Postfix, nothing installed)"):
                folder = CACHE / "postfix"
                folder.mkdir(parents=True, exist_ok=True)
                if run([*DOWNLOAD, "postfix"], cwd=folder):
                    for package in folder.glob("postfix_*.deb"):
                        run(["dpkg", "-x", package, folder])


@contextlib.contextmanager
def proxy_on_its_way() -> Iterator[None]:
    """Brings Prism by npm while other things are set up; without it, its tests skip and say so.

    Its lock names no host: npm asks the index that it is set up for, and checks every hash.
    """
    folder, npm = CACHE / "prism", shutil.which("npm")
    lock = (PROXY / "package-lock.json").read_bytes()
    stamp = folder / "stamp"
    if npm is None or (stamp.exists() and stamp.read_bytes() == lock):
        if npm is None:
            say("there is no npm, so the tests with Prism will be skipped")
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    for file in PROXY.glob("package*.json"):
        shutil.copy(file, folder)
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    nowhere = subprocess.DEVNULL
    with subprocess.Popen([npm, "ci", *quiet], cwd=folder, stdin=nowhere, stdout=nowhere) as installing:
        try:
            yield
        except BaseException:
            installing.kill()
            raise
        with step("waiting for Prism (npm)"):
            try:
                if installing.wait(PATIENCE) == 0:
                    stamp.write_bytes(lock)
                    return
            except subprocess.TimeoutExpired:
                installing.kill()
        say("!! npm could not bring Prism; the tests with it will be skipped")


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Debian asks this file whether a service that was just installed may start: it may not."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


# --- the commands ----------------------------------------------------------------------------------


def run_demo(arguments: Sequence[str]) -> int:
    """`run`: the demo city, in place of this process so that Ctrl-C reaches it alone."""
    set_up(RUNTIME)
    replace([VENV / "bin" / "alertd", "demo", *arguments])
    return 1


def run_tests(arguments: Sequence[str]) -> int:
    """`test`: lint, types, import rules and formatting are tests like the others."""
    with proxy_on_its_way():
        set_up(TEST)
        bring_programs()
    # twice as many as cores: stations, telephones and browsers are mostly waited for
    workers = str(2 * (os.cpu_count() or 1))
    # neighbours stay together and share what they have set up; who has nothing left takes from others
    chosen = any(argument.startswith(("-n", "--pdb")) for argument in arguments)
    spread = [] if chosen else ["-n", workers, "--dist", "worksteal", "--durations", "10"]
    if not spread:
        replace([PYTHON, "-m", "pytest", *arguments])
    code = subprocess.run([PYTHON, "-m", "pytest", *spread, *arguments]).returncode
    if code == 1 and not arguments:
        say("!! some failed beside others; they are run once more, alone: what passes now is not robust")
        code = subprocess.run(
            [PYTHON, "-m", "pytest", "--last-failed", "--last-failed-no-failures=none"]
        ).returncode
    return code


def run_chaos(arguments: Sequence[str]) -> int:
    """`chaos`: real processes are killed; the far ends' ledgers say what came of it."""
    set_up(TEST)
    replace([PYTHON, "-m", "tests.chaos", *arguments])
    return 1


def run_fuzz(arguments: Sequence[str]) -> int:
    """`fuzz`: every reader of what strangers send gets strange documents, for a minute each."""
    set_up(TEST)
    replace([PYTHON, "-m", "tests.fuzz", *arguments])
    return 1


def only_set_up(arguments: Sequence[str]) -> int:
    """`setup`: so that the rest can be done without a network."""
    if set(arguments) - {"--test"}:
        return wrong_use("setup takes --test or nothing")
    if "--test" not in arguments:
        set_up(RUNTIME)
    else:
        with proxy_on_its_way():
            set_up(TEST)
            bring_programs()
    say(f"{VENV.name} is up to date")
    return 0


#: what is installed here and in the container: everything that some installation needs
EXTRAS = ("build", "sound", "inbox", "postgres")


def make_locks(arguments: Sequence[str]) -> int:
    """`lock`: for all Pythons at once, with hashes, without the name of any host."""
    if set(arguments) - {"--upgrade"}:
        return wrong_use("lock takes --upgrade or nothing")
    set_up(RUNTIME)
    compile: list[Word] = [
        VENV / "bin" / "uv",
        "pip",
        "compile",
        "-q",
        "--universal",
        "--python-version",
        "3.11",
    ]
    compile += ["--generate-hashes", "--no-header", "--no-annotate", *arguments]
    project: list[Word] = ["pyproject.toml"]
    for extra in EXTRAS:
        project += ["--extra", extra]
    with step("making the locks"):
        call([*compile, *project, "--extra", "test", "-o", TEST.name], cwd=ROOT)
        # the same versions in both: what is tested is what runs
        call([*compile, *project, "-c", TEST.name, "-o", RUNTIME.name], cwd=ROOT)
    set_up(TEST)
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "run": run_demo,
    "test": run_tests,
    "chaos": run_chaos,
    "fuzz": run_fuzz,
    "setup": only_set_up,
    "lock": make_locks,
}


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 done, 1 did not work, 2 wrong use."""
    if not arguments:
        return wrong_use("which command?")
    name, *rest = arguments
    if name in ("-h", "--help", "help") or (name in COMMANDS and rest[:1] in (["-h"], ["--help"])):
        print(USAGE, end="")
        return 0
    if name not in COMMANDS:
        return wrong_use(f'there is no command "{name}"')
    if rest[:1] == ["--"]:
        rest = rest[1:]
    # dozens of programs are started: each would read all its code anew, for ten seconds instead of one
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return COMMANDS[name](rest)
    except SetupFailed as error:
        say(f"could not set up: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


def wrong_use(message: str) -> int:
    """Says what was wrong and how to use it."""
    print(f"dev.py: {message}\n\n{USAGE}", end="", file=sys.stderr)
    return 2


# --- running programs ------------------------------------------------------------------------------


def run(command: Sequence[Word], *, cwd: Path = ROOT) -> bool:
    """Runs a program with its output on standard error; False when it fails."""
    program = [str(word) for word in command]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(program, stdout=sys.stderr, cwd=cwd, env=environment).returncode == 0
    except OSError as error:
        say(f"{program[0]}: {error.strerror}")
        return False


def call(command: Sequence[Word], *, cwd: Path = ROOT) -> None:
    """Like `run`, for what cannot be done without."""
    if not run(command, cwd=cwd):
        raise SetupFailed(f"`{' '.join(map(str, command))}` failed; its own words are above")


def replace(command: Sequence[Word]) -> None:
    """Goes on as another program, from the project's folder."""
    sys.stdout.flush()
    sys.stderr.flush()
    program = [str(word) for word in command]
    if not Path(program[0]).exists():
        raise SetupFailed(f"{program[0]} is missing; remove {VENV} and start again")
    os.chdir(ROOT)
    os.execv(program[0], program)  # noqa: S606 - no shell is what is wanted


@contextlib.contextmanager
def step(sentence: str) -> Iterator[None]:
    """Says what is being done, and afterwards how long it took."""
    say(f"{sentence} ...")
    started = time.monotonic()
    yield
    say(f"{sentence}: {time.monotonic() - started:.1f} s")


def say(sentence: str) -> None:
    """Progress goes to standard error: standard output is the command's own."""
    print(f"dev.py: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
