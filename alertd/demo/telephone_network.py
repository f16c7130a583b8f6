"""The simulated telephone network: a Twilio-compatible server on 127.0.0.1 with households.

Nobody's telephone rings. It speaks the part of Twilio's REST API 2010-04-01 that calls
need, fetches and carries out TwiML, downloads the sounds, and posts signed status
callbacks. `with TelephoneNetwork(...) as network:` runs it in a thread;
`python -m alertd.demo.telephone_network --help` as a process.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from alertd.clock import Clock, SystemClock, stopwatch
from alertd.demo.telephone_api import application
from alertd.demo.telephone_call import Call, come_in, end, live
from alertd.demo.telephone_callbacks import Callbacks
from alertd.demo.telephone_faults import Dice, Faults
from alertd.demo.telephone_household import SILENT, Household, Rule, city
from alertd.demo.telephone_ledger import Ledger

#: The simulated account: known to everybody, good for nothing.
ACCOUNT_SID = "AC" + "51" * 16
AUTH_TOKEN = "simulated-token"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """What really happened at one number."""

    behaviour: str
    #: calls created
    calls: int
    #: calls that somebody or something picked up
    answered: int
    #: of the latest call
    state: str
    #: somebody heard the words to their end, in any call
    heard: bool
    #: keys that were sent, in all calls
    pressed: str
    #: a machine picked up
    machine: bool


class TelephoneNetwork:
    """Listens from `with` (or `start`) to its end; may be stopped and started again.

    `speed` simulated seconds pass in a real one; `per_second` calls leave the queue in a
    simulated second. `households` overrides the rule by number. A stop cuts the calls
    under way; the memory of all calls stays.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        speed: float = 1.0,
        per_second: float = 1.0,
        seed: int = 1,
        rule: Rule | None = None,
        households: Mapping[str, Household] | None = None,
        faults: Faults | None = None,
        ledger: Ledger | None = None,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        callers: frozenset[str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.port, self.speed = port, speed
        self.account_sid, self.auth_token, self.callers = account_sid, auth_token, callers
        self.households = dict(households or {})
        self.faults = faults or Faults()
        self.ledger = ledger or Ledger()
        self._rule, self._seed, self._per_second = rule or city(seed), seed, per_second
        self._clock = clock or SystemClock()
        self._calls: dict[str, Call] = {}
        self._called_in: list[Call] = []
        self._by_number: dict[str, list[Call]] = defaultdict(list)
        self._asked: dict[str, int] = defaultdict(int)
        self._free_at = 0.0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._callbacks: Callbacks | None = None

    @property
    def url(self) -> str:
        """For the voice channel's `api_url`."""
        return f"http://127.0.0.1:{self.port}"

    def household(self, number: str) -> Household:
        """Who lives at a number."""
        return self.households.get(number) or self._rule(number)

    def calls(self, number: str | None = None) -> list[Call]:
        """All calls, or those to one number, in the order of their creation."""
        return list(self._calls.values()) if number is None else list(self._by_number.get(number, ()))

    def call(self, sid: str) -> Call | None:
        """A call by its name."""
        return self._calls.get(sid)

    def outcomes(self) -> Mapping[str, GroundTruth]:
        """The ground truth by number, for comparison with what is believed."""
        return {
            number: GroundTruth(
                behaviour=self.household(number).behaviour,
                calls=len(calls),
                answered=sum(call.sip == "200" for call in calls),
                state=calls[-1].state,
                heard=any(call.heard for call in calls),
                pressed="".join(call.pressed for call in calls),
                machine=any(call.answered_by.startswith("machine") for call in calls),
            )
            for number, calls in list(self._by_number.items())
        }

    def idle(self) -> bool:
        """Whether every call has ended and all that is to be reported has been."""
        calls = [*self.calls(), *self._called_in]
        tasks = (task for call in calls for task in (call.task, *call.reports))
        return all(task is None or task.done() for task in tasks)

    def dice(self, number: str) -> Dice:
        """The draws for the next call to a number."""
        self._asked[number] += 1
        return Dice(self._seed, number, self._asked[number])

    def place(self, wishes: Mapping[str, str], events: tuple[str, ...], dice: Dice) -> Call:
        """Put a new call into the queue."""
        number = wishes["To"]
        call = Call(
            sid="CA" + uuid.uuid4().hex,
            to=number,
            from_=wishes["From"],
            created_at=self._clock.now(),
            household=self.household(number),
            dice=dice,
            wishes=wishes,
            events=events,
        )
        earlier = len(self._by_number[number])
        self._calls[call.sid] = call
        self._by_number[number].append(call)
        self.ledger.record("created", sid=call.sid, to=number, url=wishes["Url"])
        call.task = asyncio.create_task(self._let_happen(call, earlier))
        return call

    def call_in(self, number: str, url: str, *, to: str) -> Call:
        """A resident calls `to`, one of our numbers, whose voice URL is `url`; may be called from any thread.

        The call is under way when this returns; `call.state` tells when it has ended.
        """
        if self._loop is None:
            raise RuntimeError("the telephone network is not running")

        async def begin() -> Call:
            return self.begin_call_in(number, url, to=to)

        return asyncio.run_coroutine_threadsafe(begin(), self._loop).result(timeout=10)

    def begin_call_in(self, number: str, url: str, *, to: str) -> Call:
        """The same, inside the network's own event loop."""
        call = Call(
            sid="CA" + uuid.uuid4().hex,
            to=to,
            from_=number,
            created_at=self._clock.now(),
            household=self.household(number),
            dice=Dice(self._seed, number, 0),
            wishes={"Url": url},
            events=(),
            state="ringing",
            inbound=True,
        )
        self._called_in.append(call)
        call.task = asyncio.create_task(come_in(call, self._live_callbacks()))
        return call

    def stop_call(self, call: Call, state: str) -> None:
        """End a call from our side."""
        if call.task is not None:
            call.task.cancel()
        end(call, self._live_callbacks(), state)

    async def _let_happen(self, call: Call, earlier: int) -> None:
        """Wait in the queue, then live; the queue lets so many calls go in a second."""
        now = stopwatch()
        self._free_at = max(now, self._free_at) + 1 / (self._per_second * self.speed)
        wait = self._free_at - 1 / (self._per_second * self.speed) - now
        call.queue_ms = round(1000 * wait * self.speed)
        await asyncio.sleep(wait)
        await live(call, self._live_callbacks(), engaged=earlier < call.household.engaged_first)

    def _live_callbacks(self) -> Callbacks:
        if self._callbacks is None:
            raise RuntimeError("the telephone network is not running")
        return self._callbacks

    def start(self) -> None:
        """Listen, in a thread of its own; the port is open when this returns. May be called twice."""
        if self._thread is not None:
            return
        ready = threading.Event()
        failures: list[OSError] = []

        def run() -> None:
            try:
                asyncio.run(self.serve(ready.set))
            except OSError as error:
                failures.append(error)
                ready.set()

        self._thread = threading.Thread(target=run, name="telephone network", daemon=True)
        self._thread.start()
        ready.wait()
        if failures:
            self._thread.join()
            self._thread = None
            raise failures[0]

    def stop(self) -> None:
        """Connections are refused from now on; may be called twice."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def serve(self, on_open: Callable[[], object]) -> None:
        """Listen in the running event loop until `stop` or SIGTERM; `on_open`: the port is open."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._loop.add_signal_handler(number, self._stopping.set)
        self._callbacks = Callbacks(
            self.account_sid, self.auth_token, self.faults, self.ledger, self._clock, self.speed
        )
        runner = web.AppRunner(application(self), access_log=None, shutdown_timeout=0.2)
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            self.port = int(runner.addresses[0][1])
            _log.info("simulated telephone network listens; nobody's telephone rings")
            on_open()
            await self._stopping.wait()
        finally:
            await self._cut()
            await runner.cleanup()
            await self._callbacks.close()
            self._callbacks = None

    async def _cut(self) -> None:
        tasks = [
            task
            for call in (*self._calls.values(), *self._called_in)
            for task in (call.task, *call.reports)
            if task is not None and not task.done()
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a process until SIGTERM; the first line on standard output has the address."""
    parser = argparse.ArgumentParser(
        prog="python -m alertd.demo.telephone_network",
        description="A simulated telephone network that speaks Twilio's REST API. Nobody's telephone rings.",
        epilog="example: %(prog)s --port 8010 --speed 20 --ledger calls.jsonl --fault reply_lost=0.05",
    )
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 = any free one")
    parser.add_argument("--ledger", type=Path, help="file for what really happened, JSON lines")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds in a real one")
    parser.add_argument("--per-second", type=float, default=1.0, help="calls begun in a simulated second")
    parser.add_argument("--seed", type=int, default=1, help="of the households and the faults")
    parser.add_argument("--dark", type=Path, help="a file of numbers whose telephones have no power")
    parser.add_argument("--account-sid", default=ACCOUNT_SID)
    parser.add_argument("--auth-token-file", type=Path, help="default: the simulation's own token")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=CHANCE", help="see telephone_faults.Faults"
    )
    given = parser.parse_args(arguments)
    try:
        faults = Faults(
            **{name: float(chance) for name, _, chance in (f.partition("=") for f in given.fault)}
        )
    except (TypeError, ValueError) as error:
        parser.error(f"--fault: {error}")
    token = given.auth_token_file.read_text().strip() if given.auth_token_file else AUTH_TOKEN
    with contextlib.closing(Ledger(given.ledger)) as ledger:
        network = TelephoneNetwork(
            port=given.port,
            speed=given.speed,
            per_second=given.per_second,
            seed=given.seed,
            faults=faults,
            households=dict.fromkeys(given.dark.read_text().split(), SILENT) if given.dark else None,
            ledger=ledger,
            account_sid=given.account_sid,
            auth_token=token,
        )

        def tell() -> None:
            print(f"simulated telephone network on {network.url} (faults: {faults})", flush=True)

        asyncio.run(network.serve(tell))


if __name__ == "__main__":
    main()
