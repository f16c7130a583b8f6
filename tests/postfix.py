"""A Postfix of one's own: in a private folder, on ports of 127.0.0.1, ended with the test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import program

_DAEMONS = (Path("/usr/lib/postfix/sbin"), Path("/usr/libexec/postfix"))

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.sanjo.example.jp
mydestination =
mynetworks = 127.0.0.0/8
relay_domains = {domain}
recipient_delimiter = +
transport_maps = inline:{{ {{ {domain} = lmtp:inet:127.0.0.1:{inbox} }}, {{ * = smtp:[127.0.0.1]:{outside} }} }}
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = none
smtpd_tls_security_level = none
biff = no
alias_maps =
alias_database =
local_recipient_maps =
smtputf8_enable = no
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def running_postfix(*, domain: str, inbox: int, outside: int) -> Iterator[int]:
    """The port at which it takes mail; mail for `domain` goes to `inbox` by LMTP, all else to `outside`.

    Skips where Postfix is not installed, or this is not root: its programs insist.
    """
    postfix = program("postfix")
    daemons = next((folder for folder in _DAEMONS if (folder / "master").exists()), None)
    if daemons is None:
        pytest.skip("Postfix's daemons are not installed")
    if os.geteuid() != 0:
        pytest.skip("Postfix can only be started by root")
    folder = Path(tempfile.mkdtemp(prefix="alertd-postfix-"))
    try:
        folder.chmod(0o755)
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder / "data", "postfix", "postfix")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        values = {"folder": folder, "daemons": daemons, "domain": domain, "inbox": inbox, "outside": outside}
        (folder / "etc" / "main.cf").write_text(_MAIN.format(**values))
        (folder / "etc" / "master.cf").write_text(_MASTER.format(port=port))
        _command(postfix, folder, "start")
        try:
            _wait(port, folder)
            yield port
        finally:
            _command(postfix, folder, "stop")
    finally:
        shutil.rmtree(folder)


def _command(postfix: Path, folder: Path, word: str) -> None:
    done = subprocess.run(
        [postfix, "-c", folder / "etc", word], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"postfix {word}: {done.stdout}{_log(folder)}"


def _wait(port: int, folder: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"Postfix does not answer: {_log(folder)}"
            time.sleep(0.05)


def _log(folder: Path) -> str:
    log = folder / "log"
    return log.read_text(errors="replace") if log.exists() else ""
