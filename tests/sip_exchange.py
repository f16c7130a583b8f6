"""A telephone exchange on loopback for tests: SIP over UDP, recorded sound, pressed keys."""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
import threading
from dataclasses import dataclass, field

import numpy as np

from alertd.clock import stopwatch

PASSWORD = "an-open-sesame"
_REALM, _NONCE = "exchange", "9f2c"


@dataclass(kw_only=True)
class Household:
    """What becomes of a call to one number."""

    #: the final reply; 200 answers, None lets it ring for ever
    reply: int | None = 200
    #: early media before the answer, seconds; None = 180 without any sound
    early: float | None = None
    #: seconds after the answer → key
    keys: dict[float, str] = field(default_factory=dict)
    #: hangs up so many seconds after the answer
    hangs_up_after: float | None = None


@dataclass(kw_only=True)
class Heard:
    """One call as the exchange saw it."""

    number: str
    parameters: dict[str, str]
    answered_at: float | None = None
    ended_at: float | None = None
    cancelled: bool = False
    #: of the packets after the answer, in the order of their numbers
    packets: dict[int, bytes] = field(default_factory=dict)

    @property
    def sound(self) -> np.ndarray:
        """What arrived after the answer, 8 kHz µ-law, decoded (ITU-T G.711)."""
        code = ~np.frombuffer(b"".join(self.packets[n] for n in sorted(self.packets)), np.uint8) & 0xFF
        size = (((code & 15) << 3).astype(int) + 132) << ((code >> 4) & 7)
        return np.where(code & 128, 132 - size, size - 132)


class Exchange:
    """Answers every number in `households`, and all others as `everybody`; one thread."""

    def __init__(self, *, password: str | None = None) -> None:
        self.password = password
        self.households: dict[str, Household] = {}
        self.everybody = Household()
        self.calls: list[Heard] = []
        self.requests: list[str] = []
        self._by_id: dict[str, _Dialogue] = {}
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._down = False
        self._socket = self._bound(0)
        self.port = self._socket.getsockname()[1]
        self._selector.register(self._socket, selectors.EVENT_READ, None)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exchange")
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def go_down(self) -> None:
        with self._lock:
            if not self._down:
                self._selector.unregister(self._socket)
                self._socket.close()
                self._down = True

    def come_up(self) -> None:
        with self._lock:
            if self._down:
                self._socket = self._bound(self.port)
                self._selector.register(self._socket, selectors.EVENT_READ, None)
                self._down = False

    def wait_until_still(self, within: float = 10) -> None:
        """Until every call that was answered is over."""
        deadline = stopwatch() + within
        while any(call.answered_at and not call.ended_at for call in self.calls):
            assert stopwatch() < deadline, "a call does not end"
            threading.Event().wait(0.01)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        self.go_down()
        for dialogue in self._by_id.values():
            dialogue.media.close()
        self._selector.close()

    def _bound(self, port: int) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", port))
        return bound

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                ready = self._selector.select(0.005)
                for key, _ in ready:
                    data, sender = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
                    if key.data is None:
                        self._received(data.decode(), sender)
                    else:
                        key.data.recorded(data)
                for dialogue in list(self._by_id.values()):
                    dialogue.tick(stopwatch())

    def _received(self, text: str, sender: tuple[str, int]) -> None:
        request = _Request(text, sender)
        self.requests.append(request.method)
        send = self._socket.sendto
        match request.method:
            case "OPTIONS":
                send(request.answer("200 OK"), sender)
            case "INVITE" if request.call not in self._by_id or request.number not in (
                self._by_id[request.call].seen
            ):
                self._invited(request)
            case "BYE" | "CANCEL" if request.call in self._by_id:
                dialogue = self._by_id[request.call]
                send(request.answer("200 OK", tag=True), sender)
                if request.method == "CANCEL":
                    send(dialogue.request.answer("487 Request Terminated", tag=True), sender)
                    dialogue.call.cancelled = True
                dialogue.call.ended_at = stopwatch()
            case _:
                pass

    def _invited(self, request: _Request) -> None:
        if self.password is not None and not request.signed_with(self.password):
            challenge = f'WWW-Authenticate: Digest realm="{_REALM}",nonce="{_NONCE}",algorithm=MD5'
            self._socket.sendto(request.answer("401 Unauthorized", challenge, tag=True), request.sender)
            return
        household = self.households.get(request.called, self.everybody)
        if household.reply is not None and household.reply != 200:
            self._socket.sendto(request.answer(f"{household.reply} No", tag=True), request.sender)
            return
        call = Heard(number=request.called, parameters=request.parameters)
        media = self._bound(0)
        dialogue = _Dialogue(self, request, household, call, media)
        self._selector.register(media, selectors.EVENT_READ, dialogue)
        self.calls.append(call)
        self._by_id[request.call] = dialogue
        dialogue.begin(stopwatch())

    def reply(self, words: bytes, to: tuple[str, int]) -> None:
        if not self._down:
            self._socket.sendto(words, to)


class _Request:
    """A SIP request."""

    def __init__(self, text: str, sender: tuple[str, int]) -> None:
        head, _, self.body = text.partition("\r\n\r\n")
        self.line, *self.headers = head.split("\r\n")
        self.sender = sender
        self.method, self.uri, _ = self.line.split(" ")
        user, _, rest = self.uri.removeprefix("sip:").partition("@")
        self.called = user
        self.parameters = dict(part.split("=", 1) for part in rest.split(";")[1:] if "=" in part)
        self.call = self.value("Call-ID")
        self.number = self.value("CSeq")

    def value(self, name: str) -> str:
        start = name.lower() + ":"
        return next((h[len(start) :].strip() for h in self.headers if h.lower().startswith(start)), "")

    def signed_with(self, password: str) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]+)"?', self.value("Authorization")))
        first = _md5(f"{said.get('username')}:{_REALM}:{password}")
        second = _md5(f"{self.method}:{said.get('uri')}")
        if "qop" in said:
            return said.get("response") == _md5(
                f"{first}:{_NONCE}:{said['nc']}:{said['cnonce']}:{said['qop']}:{second}"
            )
        return said.get("response") == _md5(f"{first}:{_NONCE}:{second}")

    def answer(self, status: str, *more: str, tag: bool = False, body: str = "") -> bytes:
        kept = [h for h in self.headers if h.split(":")[0].lower() in ("via", "from", "call-id", "cseq")]
        to = self.value("To")
        if tag and "tag=" not in to:
            to += ";tag=exchange"
        lines = [f"SIP/2.0 {status}", *kept, f"To: {to}", *more, f"Content-Length: {len(body)}", "", body]
        return "\r\n".join(lines).encode()


class _Dialogue:
    """A call that rings or was answered."""

    def __init__(
        self, exchange: Exchange, request: _Request, household: Household, call: Heard, media: socket.socket
    ) -> None:
        self.exchange, self.request, self.household = exchange, request, household
        self.call, self.media = call, media
        self.seen = {request.number}
        self.answer_at: float | None = None
        self.keys = sorted(household.keys.items())
        self.stamp = 0

    def begin(self, now: float) -> None:
        early = self.household.early
        if early is None:
            self._say("180 Ringing", "")
            self.answer_at = now if self.household.reply == 200 else None
        else:
            self._say("183 Session Progress", self._media_words())
            self.answer_at = now + early

    def tick(self, now: float) -> None:
        call, household = self.call, self.household
        if call.ended_at is not None:
            return
        if call.answered_at is None and self.answer_at is not None and now >= self.answer_at:
            call.answered_at = now
            self._say("200 OK", self._media_words())
        if call.answered_at is None:
            return
        since = now - call.answered_at
        while self.keys and since >= self.keys[0][0]:
            self._press(self.keys.pop(0)[1])
        if household.hangs_up_after is not None and since >= household.hangs_up_after:
            call.ended_at = now
            self._bye()

    def recorded(self, data: bytes) -> None:
        if self.call.answered_at is not None and self.call.ended_at is None and data[1] & 127 == 0:
            self.call.packets[int.from_bytes(data[2:4], "big")] = data[12:]

    def _say(self, status: str, body: str) -> None:
        more = [f"Contact: <sip:{self.exchange.address}>"]
        more += ["Content-Type: application/sdp"] if body else []
        words = self.request.answer(status, *more, tag=True, body=body)
        self.exchange.reply(words, self.request.sender)

    def _media_words(self) -> str:
        port = self.media.getsockname()[1]
        lines = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
        media = (f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000")
        return "".join(f"{line}\r\n" for line in (*lines, *media))

    def _press(self, key: str) -> None:
        """An event of 60 ms, its end three times (RFC 4733 §2.5.1.4)."""
        port = int(re.search(r"m=audio (\d+)", self.request.body)[1])  # type: ignore[index]
        code = "0123456789*#".index(key)
        self.stamp += 8000
        for step in range(6):
            mark = 0x80 if step == 0 else 0
            end = 0x80 if step >= 3 else 0
            header = bytes([0x80, mark | 101]) + (self.stamp // 800 + step).to_bytes(2, "big")
            header += self.stamp.to_bytes(4, "big") + b"keys"
            length = min(step + 1, 4) * 160
            self.media.sendto(
                header + bytes([code, end | 10]) + length.to_bytes(2, "big"), ("127.0.0.1", port)
            )

    def _bye(self) -> None:
        request, port = self.request, self.exchange.port
        contact = re.search(r"<(sip:[^>]+)>", request.value("Contact"))
        assert contact is not None
        lines = (
            f"BYE {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKbye{id(self)}",
            "Max-Forwards: 70",
            f"From: {request.value('To')};tag=exchange",
            f"To: {request.value('From')}",
            f"Call-ID: {request.call}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
        )
        self.exchange.reply("\r\n".join((*lines, "", "")).encode(), request.sender)


def _md5(words: str) -> str:
    return hashlib.md5(words.encode(), usedforsecurity=False).hexdigest()
