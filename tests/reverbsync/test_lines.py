"""Lines to named hosts: one is used again while it is good, and never after half an answer."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from queue import Queue

import pytest

from reverbsync import lines
from reverbsync.stack import ports

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Gives the answers that it was told to, one a request, and counts the lines that it was called on."""

    def __init__(self) -> None:
        self.answers: Queue[bytes] = Queue()
        self.asked: list[bytes] = []
        self.lines = 0
        self._made: list[lines.Lines] = []
        self._listening = socket.create_server((ports.LOOPBACK, 0))
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def to(self) -> lines.Lines:
        """New lines to it."""
        self._made.append(lines.Lines(f"http://{ports.LOOPBACK}:{self._listening.getsockname()[1]}"))
        return self._made[-1]

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()
        for one in self._made:
            for line in one._idle:
                line.close()

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            self.lines += 1
            with line:
                self._serve(line)

    def _serve(self, line: socket.socket) -> None:
        while request := line.recv(65_536):
            self.asked.append(request)
            answer = self.answers.get()
            line.sendall(answer.removesuffix(b"<end>"))
            if answer.endswith(b"<end>"):
                return


@pytest.fixture
def server() -> Iterator[Server]:
    """Run one."""
    made = Server()
    yield made
    made.close()


def ask(to: lines.Lines, method: str = "GET", target: str = "/", body: bytes | None = None, **headers: str) -> bytes:
    """Make a call and return the whole body of its answer."""
    with to.asking(method, target, body, headers, connect_s=2, read_s=2) as answer:
        return b"".join(answer.body)


def test_calls_that_follow_each_other_share_a_line(server: Server) -> None:
    to = server.to
    for answer in (OK, b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 100 Wait\r\n\r\n" + OK):
        server.answers.put(answer)
    assert [ask(to), ask(to), ask(to)] == [b"ok", b"", b"ok"]
    assert server.lines == 1


def test_a_line_that_the_other_side_has_closed_is_not_used_again(server: Server) -> None:
    to = server.to
    for _ in range(2):
        server.answers.put(OK + b"<end>")
        assert ask(to) == b"ok"
        threading.Event().wait(0.05)
    assert server.lines == 2


def test_what_is_left_of_an_answer_is_never_taken_for_the_next_one(server: Server) -> None:
    to = server.to
    server.answers.put(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello<end>")
    with to.asking("GET", "/", None, {}, connect_s=2, read_s=2):
        pass  # the body was not read
    server.answers.put(OK)
    assert ask(to) == b"ok"
    assert server.lines == 2


def test_a_body_may_come_in_chunks_packed_or_until_the_line_is_closed(server: Server) -> None:
    to = server.to
    packed = gzip.compress(b"x" * 100_000)
    server.answers.put(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (len(packed), packed)
    )
    server.answers.put(b"HTTP/1.1 200 OK\r\n\r\nall<end>")
    assert ask(to) == b"x" * 100_000
    assert ask(to) == b"all"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf<end>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal<end>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<end>",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone<end>",
        b"HTTP/1.1 200 OK\r\nContent-Type",
        b"SSH-2.0\r\n<end>",
        b"<end>",
    ],
)
def test_half_an_answer_is_none(server: Server, answer: bytes) -> None:
    server.answers.put(answer)
    with pytest.raises((lines.Broken, TimeoutError)):
        ask(server.to)


def test_a_silence_is_told_from_a_broken_line(server: Server) -> None:
    server.answers.put(b"")
    with pytest.raises(TimeoutError), server.to.asking("GET", "/", None, {}, connect_s=2, read_s=0.1):
        pass


def test_a_body_goes_out_with_its_length_and_an_empty_one_too(server: Server) -> None:
    to = server.to
    for body in (b"{}", None):
        server.answers.put(OK)
        ask(to, "PUT", "/a?b=c", body, Accept="x")
    head = b"PUT /a?b=c HTTP/1.1\r\nHost: "
    assert all(request.startswith(head) and b"\r\nAccept: x\r\n" in request for request in server.asked)
    assert [request.partition(b"Content-Length: ")[2] for request in server.asked] == [b"2\r\n\r\n{}", b"0\r\n\r\n"]


@pytest.mark.parametrize(
    ("target", "header"), [("/a b", "x"), ("/a\r\nX: y", "x"), ("/ä", "x"), ("/", "x\r\nY: z"), ("/", "→")]
)
def test_nothing_can_be_smuggled_into_a_request(server: Server, target: str, header: str) -> None:
    with pytest.raises(lines.Unsendable):
        ask(server.to, "GET", target, None, X=header)
    assert server.asked == []


def test_where_nobody_listens_nothing_was_sent() -> None:
    with pytest.raises(lines.NoLine) as none:
        ask(lines.Lines(f"http://{ports.LOOPBACK}:{ports.free(0)}"))
    assert none.value.in_time
