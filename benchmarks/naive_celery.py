"""The plain program to compare with: one Celery task for each recipient, as tutorials write it.

    python benchmarks/naive_celery.py --port 2525 [--recipients 1000] [--sessions 8] [--database URL]

A task reads its recipient from the database, builds the mail with the e-mail package, opens
a connection, sends, and writes down that it was sent. The broker is the same Valkey that
alertd brings along; the workers are processes, as many as alertd has connections. Prints the
seconds from the first task that is called to the last mail that is written down, as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import smtplib
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from celery import Celery
from sqlalchemy import DateTime, create_engine, func, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from alertd import broker

app = Celery("naive", broker=os.environ.get("NAIVE_BROKER"))
app.conf.update(task_ignore_result=True, worker_enable_remote_control=False)
_WORDS = "【訓練】五十嵐川がはん濫するおそれがあります。高いところへ避難してください。\n" * 15


class Base(DeclarativeBase):
    """The table."""


class Recipient(Base):
    """Somebody who is to get the mail."""

    __tablename__ = "naive_recipient"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


_engine = create_engine(os.environ.get("NAIVE_DATABASE") or "sqlite://")


@app.task(name="naive.send_mail")  # type: ignore[untyped-decorator]
def send_mail(number: int) -> None:
    """One mail to one recipient."""
    with Session(_engine) as session:
        recipient = session.get_one(Recipient, number)
        mail = EmailMessage()
        mail["From"], mail["To"] = "bosai@sanjo.example.jp", recipient.address
        mail["Subject"] = "【訓練】避難指示"
        mail.set_content(_WORDS)
        with smtplib.SMTP("127.0.0.1", int(os.environ["NAIVE_PORT"])) as relay:
            relay.send_message(mail)
        recipient.sent_at = datetime.now(UTC)  # noqa: TID251
        session.commit()


def naive(port: int, *, recipients: int, sessions: int, database: str) -> float:
    """Mails a second of this program, in processes of its own."""
    words = ["--port", str(port), "--recipients", str(recipients), "--sessions", str(sessions)]
    command = [sys.executable, __file__, *words, "--database", database]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return recipients / float(json.loads(told)["seconds"])


def main() -> None:
    """Starts broker and workers, calls the tasks, waits for the last one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, required=True, help="where the mail server listens")
    parser.add_argument("--recipients", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--database", default="", help="SQLAlchemy URL; default: SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="naive-") as folder:
        socket = Path(folder) / "broker.sock"
        database = options.database or f"sqlite:///{folder}/naive.db?timeout=60"
        database = database.replace("postgresql://", "postgresql+psycopg://")
        os.environ["NAIVE_BROKER"] = app.conf.broker_url = f"redis+socket://{socket}"
        os.environ["NAIVE_DATABASE"], os.environ["NAIVE_PORT"] = database, str(options.port)
        command = broker.command(socket)
        assert command is not None, "no Valkey is installed"
        quiet = subprocess.DEVNULL
        started = [subprocess.Popen(command, stdout=quiet, stderr=quiet)]
        try:
            while not broker.answers(socket):
                time.sleep(0.05)
            worker = [sys.executable, "-m", "celery", "-A", "naive_celery", "worker", "-l", "ERROR"]
            worker += ["-P", "prefork", "-c", str(options.sessions), "--without-gossip", "--without-mingle"]
            started.append(subprocess.Popen(worker, cwd=Path(__file__).parent, stdout=quiet, stderr=quiet))
            print(json.dumps({"seconds": _seconds(database, options.recipients)}))
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


def _seconds(database: str, recipients: int) -> float:
    engine = create_engine(database)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        if engine.dialect.name == "sqlite":
            session.execute(text("PRAGMA journal_mode=WAL"))
        session.add_all(Recipient(address=f"person{n}@example.jp") for n in range(recipients + 1))
    send_mail.delay(1)
    _wait(engine, 1)
    began = time.monotonic()
    for number in range(2, recipients + 2):
        send_mail.delay(number)
    _wait(engine, recipients + 1)
    seconds = time.monotonic() - began
    Base.metadata.drop_all(engine)
    engine.dispose()
    return seconds


def _wait(engine, number: int) -> None:  # type: ignore[no-untyped-def]
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with Session(engine) as session:
            if session.scalar(select(func.count(Recipient.sent_at))) == number:
                return
        time.sleep(0.05)
    raise SystemExit("the tasks did not end in time")


if __name__ == "__main__":
    main()
