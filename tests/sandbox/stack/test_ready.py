"""Ready means that our own server answers, and nobody else's on its port."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from sandbox.stack import demo, ports, ready, run
from sandbox.stack.services import CannotStart, Postgres
from tests.journeys.world import StandIn

OURS = "0123456789abcdef"


@contextmanager
def somebody(port: int = 0, *, status: int = 200, mark: str = "") -> Iterator[int]:
    """Serve, as another program would, `{"status": "ok"}` to whoever asks; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if mark:
                self.send_header(run.INSTANCE_HEADER, mark)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer((ports.LOOPBACK, port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def mute(reply: bytes) -> Iterator[int]:
    """Take connections, send `reply` whatever is asked, and say no more; yields the port."""
    with socket.socket() as server:
        server.bind((ports.LOOPBACK, 0))
        server.listen()

        def serve() -> None:
            with suppress(OSError):  # closed
                while True:
                    with server.accept()[0] as line:
                        line.sendall(reply)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def wait(port: int, log: Path, *, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait for a ReverbSync of ours."""
    server = ready.Server("ReverbSync", port, "/readyz", run.INSTANCE_HEADER, OURS, advice=run.OTHER_PORT)
    ready.wait(server, log=log, alive=alive, patience_s=5)


def test_our_own_server_is_ready(tmp_path: Path) -> None:
    with somebody(mark=OURS) as port:
        wait(port, tmp_path / "web.log")


@pytest.mark.parametrize("said", [{}, {"mark": "another-start"}, {"status": 404}, {"status": 503, "mark": "another"}])
def test_another_program_on_the_port_is_named_at_once_with_the_port_and_what_to_do(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    with somebody(**said) as port, pytest.raises(CannotStart, match=rf"Port {port} is in use.*WEB_PORT="):
        wait(port, tmp_path / "web.log")


def test_a_program_that_does_not_speak_http_is_another_program(tmp_path: Path) -> None:
    with mute(b"220 mail.example.com ready\r\n") as port, pytest.raises(CannotStart, match="in use"):
        wait(port, tmp_path / "web.log")


def test_a_port_that_our_server_could_not_get_is_said_to_be_in_use(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("Connection in use: of yesterday\n")

    def alive() -> bool:
        log.write_text(log.read_text() + "[ERROR] Connection in use: ('127.0.0.1', 8000)\n")
        return True

    with pytest.raises(CannotStart, match="in use"):
        wait(ports.free(0), log, alive=alive)


def test_a_server_that_never_comes_up_is_not_called_taken(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("Connection in use: of yesterday\n")
    with pytest.raises(CannotStart, match="did not come up"):
        wait(ports.free(0), log, alive=iter([True, False]).__next__)


def test_the_next_port_is_taken_where_somebody_has_the_wanted_one() -> None:
    with somebody() as port:
        assert port < ports.free(port) <= port + ports.NEXT


def test_a_port_that_is_none_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_PORT", "80OO")
    with pytest.raises(CannotStart, match="WEB_PORT is a number"):
        run.chosen_port()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for a stack with services of its own; the database server may run as a user of its own."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name)
    tmp_path.chmod(0o755)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    return tmp_path / "data"


@pytest.mark.live
def test_data_of_a_version_with_other_migrations_is_refused_with_what_to_do(data: Path) -> None:
    data.mkdir()
    with Postgres(data / "postgres", loose=True) as postgres:
        run.refuse_older_data(postgres.url, data)  # nothing is there yet
        with closing(psycopg2.connect(postgres.url)) as line, line, line.cursor() as cursor:
            cursor.execute("CREATE TABLE django_migrations (app text, name text)")
            cursor.execute("INSERT INTO django_migrations VALUES ('listings', '0001_initial'), ('sites', '0001_gone')")
        run.refuse_older_data(postgres.url, data)
        with closing(psycopg2.connect(postgres.url)) as line, line, line.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations VALUES ('listings', '0028_before_the_first_release')")
        with pytest.raises(CannotStart, match="make clean-demo"):
            run.refuse_older_data(postgres.url, data)


@pytest.mark.live
def test_a_stack_does_not_call_itself_ready_while_another_program_answers_on_its_port(data: Path) -> None:
    with somebody() as port, pytest.raises(CannotStart, match=f"Port {port} is in use"), run.up(data, port=port):
        pass


@pytest.mark.live
def test_a_demo_whose_ports_were_taken_prints_the_new_ones_and_its_webhooks_follow(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {name: ports.free(0) for name in ("web", "reverb", "store")}
    assert len({*wanted.values()}) == 3
    monkeypatch.setattr(demo, "PREFERRED", wanted)
    with demo.up(data, "shopify") as first:
        assert first.stack.site_url == f"http://127.0.0.1:{wanted['web']}"
    with somebody(wanted["web"]), somebody(wanted["reverb"]), somebody(wanted["store"]), demo.up(data, "shopify") as up:
        printed = capsys.readouterr().err
        for port in wanted.values():
            assert f"Port {port} is in use by another program" in printed
        assert up.stack.site_url in printed or up.stack.site_url.rpartition(":")[2] in printed
        [shop] = StandIn(up.store).ask("GET", "/shops")
        assert all(up.stack.site_url in json.dumps(hook) for hook in shop["webhooks"])
        [doc, *_] = up.at_store("GET", "/products")
        up.at_store("PUT", f"/products/{doc['id']}", {"title": "A title of after the move"})
        over = time.monotonic() + 20
        while not (deliveries := up.at_store("GET", "/deliveries")):  # the store sends in its own time
            assert time.monotonic() < over
            time.sleep(0.05)
        assert {row["status"] for row in deliveries} == {200}
    assert os.environ.get("INSTANCE_ID") is None
