"""The web server goes on while some callers are slow, and its own log shows no key."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from reverbsync.env import ROOT
from sandbox.stack import ports
from sandbox.stack.parent import dying_with_us

pytestmark = pytest.mark.live

CONFIG = """
import reverbsync.web
from reverbsync.web import *
reverbsync.web.REQUEST_S = 1.0
workers, threads = 1, 2
accesslog = "-"
"""
APP = """
def application(environ, start):
    body = environ["wsgi.input"].read() if environ["REQUEST_METHOD"] == "POST" else b""
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Run the server with two threads and a second for each request; its log is in `log`."""
    (tmp_path / "web_config.py").write_text(CONFIG)
    (tmp_path / "tiny.py").write_text(APP)
    found = ports.free(0)
    command = [sys.executable, "-m", "gunicorn", "-c", str(tmp_path / "web_config.py"), "tiny:application"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            dying_with_us([*command, "--bind", f"{ports.LOOPBACK}:{found}"]),
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    over = time.monotonic() + 30
    while time.monotonic() < over:
        with contextlib.suppress(OSError), socket.create_connection((ports.LOOPBACK, found), timeout=1):
            break
        time.sleep(0.05)
    yield found
    process.terminate()
    process.wait(20)


def ask(port: int) -> int:
    """Make a call; return its status."""
    return requests.get(f"http://{ports.LOOPBACK}:{port}/", timeout=20).status_code


@pytest.mark.parametrize(
    "half",
    [b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow:", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhal"],
    ids=["half headers", "half a body"],
)
def test_callers_who_never_finish_are_let_go_and_others_are_served(port: int, half: bytes) -> None:
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(6):
            one = stack.enter_context(socket.create_connection((ports.LOOPBACK, port), timeout=20))
            one.sendall(half)
            slow.append(one)
        assert ask(port) == 200
        for one in slow:
            with contextlib.suppress(ConnectionResetError):
                while one.recv(1000):
                    pass


def test_a_byte_now_and_then_does_not_win_more_time(port: int) -> None:
    with socket.create_connection((ports.LOOPBACK, port), timeout=20) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 15:
                slow.sendall(b"a")
                time.sleep(0.1)
        assert time.monotonic() < began + 10


def test_the_servers_own_log_shows_no_key(port: int, tmp_path: Path) -> None:
    key = "Zk3-unguessable_key-of-a-webhook"
    requests.post(f"http://{ports.LOOPBACK}:{port}/webhooks/store/{key}/", data=b"{}", timeout=20)
    over = time.monotonic() + 10
    while "/webhooks/store/" not in (tmp_path / "log").read_text() and time.monotonic() < over:
        time.sleep(0.05)
    assert "/webhooks/store/***" in (tmp_path / "log").read_text()
    assert key not in (tmp_path / "log").read_text()
