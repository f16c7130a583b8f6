"""The servers that other tests stand on are real and do what is said of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import redis
from sqlalchemy import create_engine, text

from tests.servers import program, program_environment, running_postgres, running_valkey


def test_a_database_is_new_and_takes_writes(empty_database_url):
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alert (headline TEXT)"))
        connection.execute(text("INSERT INTO alert VALUES ('避難指示')"))
        assert connection.scalar(text("SELECT headline FROM alert")) == "避難指示"
    engine.dispose()


def test_postgres_is_a_real_one(postgres_url):
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert str(connection.scalar(text("SHOW server_version"))).startswith("18.")
    engine.dispose()


def test_what_postgres_committed_outlives_its_kill():
    with running_postgres() as server:
        engine = create_engine(server.url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT 1 AS one"))
        engine.dispose()
        server.kill()
        server.start()
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT one FROM kept")) == 1
        engine.dispose()


def test_a_durable_valkey_outlives_its_kill():
    with running_valkey(durable=True) as server:
        with _client(server.url) as client:
            client.set("rung", "mail")
        server.kill()
        server.start()
        with _client(server.url) as client:
            assert client.get("rung") == b"mail"


def test_the_shared_valkey_is_empty_for_each_test(valkey_url):
    with _client(valkey_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_servers_end_with_the_tests_that_started_them():
    script = (
        "import os, time\nfrom tests.servers import running_valkey\n"
        "with running_valkey() as server:\n"
        "    print(server.process.pid, server.folder, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True)
    process, folder = done.stdout.split()
    deadline = time.monotonic() + 10
    while _runs(int(process)):
        assert time.monotonic() < deadline, "the server outlived its tests"
        time.sleep(0.05)
    shutil.rmtree(folder)


def test_an_smtp_sink_that_is_there_starts():
    sink = program("smtp-sink")
    done = subprocess.run([sink], env=program_environment(), stderr=subprocess.PIPE, text=True)
    assert "usage" in done.stderr


def _client(url: str) -> redis.Redis:
    return redis.Redis(unix_socket_path=url.removeprefix("redis+socket://"))


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{process}")
