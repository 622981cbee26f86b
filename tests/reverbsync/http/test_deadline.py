"""However slowly an answer comes, a call ends: a server that sends a byte now and then holds no worker's thread."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from reverbsync.http import deadline, errors, outbound
from reverbsync.ratelimit.budget import Budget
from sandbox.stack import ports
from tests.people import NOON

#: How long a silence may last here, and what a whole call may take, in seconds.
SILENCE_S, WHOLE_S = 0.4, 3.0
HEAD = b"HTTP/1.1 200 OK\r\n"
#: What comes at once, and what comes again and again, a moment apart.
ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "status": (b"HTTP/1.1 200 O", b"K"),
    "headers": (HEAD, b"X-One: more\r\n"),
    "not yet": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body of a length": (HEAD + b"Content-Length: 1000\r\n\r\n", b" "),
    "body of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1000\r\n", b" "),
    "body of chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "body to the end": (HEAD + b"\r\n[1]", b" "),
}


@contextlib.contextmanager
def serving(parts: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """Answer each call with these parts, a moment apart."""
    over = threading.Event()

    def answer(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            while line.recv(65_536):
                for part in parts():
                    line.sendall(part)
                    if over.wait(0.05):
                        return

    def serve(door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not over.is_set():
                threading.Thread(target=answer, args=[door.accept()[0]], daemon=True).start()

    with socket.create_server((ports.LOOPBACK, 0)) as door:
        threading.Thread(target=serve, args=[door], daemon=True).start()
        yield f"http://{ports.LOOPBACK}:{door.getsockname()[1]}/"
        over.set()


@pytest.fixture(params=["an address of others", "a host of the operator's"])
def way(request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Call by either of the two ways out."""
    if request.param == "a host of the operator's":
        settings.ALLOWED_PRIVATE_HOSTS = [ports.LOOPBACK]
    else:  # without the guard against private addresses, or no server could be run here
        session = deadline.watched(requests.Session())
        monkeypatch.setattr(outbound, "_session", lambda: session)


def call(url: str) -> outbound.Answer:
    """Make one call with a budget of its own."""
    return outbound.call("GET", url, budgets=[Budget(f"test:{uuid.uuid4()}", 6000)], headers={}, read_s=SILENCE_S)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("what", ANSWERS)
def test_a_call_whose_answer_comes_byte_by_byte_ends_and_nothing_is_taken_for_the_whole_answer(what: str) -> None:
    """Each byte comes well within the silence that is allowed."""
    first, more = ANSWERS[what]
    began = time.monotonic()
    with serving(lambda: chain([first], repeat(more))) as url, pytest.raises(errors.Unreachable) as error:
        call(url)
    assert error.value.may_have_applied
    assert time.monotonic() - began < WHOLE_S


@pytest.mark.usefixtures("way")
def test_an_answer_in_a_few_slow_parts_is_read_and_so_is_the_next_on_the_same_line() -> None:
    """The deadline of a call that is over touches no other one."""
    parts = [HEAD + b"Content-Length: 6\r\n\r\n", b"[1", b", 2", b"]"]
    with serving(lambda: iter(parts)) as url:
        assert [call(url).json() for _ in range(3)] == [[1, 2]] * 3


def certificate(folder: Path) -> Path:
    """Make a certificate that nobody trusts, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON + timedelta(days=1))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file = folder / "server.pem"
    file.write_bytes(pem + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("speaks", ["TLS with such a certificate", "no TLS"])
def test_a_server_whose_certificate_has_expired_was_surely_sent_nothing(tmp_path: Path, speaks: str) -> None:
    """Else a sale in the store meanwhile would be taken for the change of stock that never arrived."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))

    def serve(door: socket.socket) -> None:
        with contextlib.suppress(OSError), door.accept()[0] as line:
            if speaks == "no TLS":
                line.sendall(HEAD + b"\r\n")
            else:
                context.wrap_socket(line, server_side=True).close()

    with socket.create_server((ports.LOOPBACK, 0)) as door:
        server = threading.Thread(target=serve, args=[door], daemon=True)
        server.start()
        with pytest.raises(errors.Unreachable, match="certificate has expired") as error:
            call(f"https://{ports.LOOPBACK}:{door.getsockname()[1]}/")
        server.join(5)
    assert not error.value.may_have_applied


def test_a_host_name_that_the_dns_does_not_know_was_surely_sent_nothing(settings: Settings) -> None:
    """By either way out; the names are reserved for that (RFC 2606)."""
    for allowed in ([], ["guitars.invalid"]):
        settings.ALLOWED_PRIVATE_HOSTS = allowed
        with pytest.raises(errors.Unreachable, match="no server goes by its name") as error:
            call("https://guitars.invalid/")
        assert not error.value.may_have_applied
