"""The embedded stack: ports, configuration, and up and down as a whole."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import requests

from reverbsync.env import ROOT
from sandbox.stack import demo, parent, ports, run
from sandbox.stack.services import CannotStart
from sandbox.stack.supervise import Program, configuration


def test_a_port_that_is_taken_is_replaced_by_another() -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert ports.free(wanted) not in (0, wanted)
    assert ports.free(wanted) == wanted


def test_a_demo_beside_another_one_gives_each_of_its_programs_a_port_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as theirs:
        theirs.bind((ports.LOOPBACK, 0))
        theirs.listen()
        taken = theirs.getsockname()[1]
        found = demo._ports({"web": taken, "reverb": taken, "store": taken})
    assert len({taken, *found.values()}) == 4
    assert "in use by another program" in capsys.readouterr().err


def test_the_supervisors_configuration_quotes_what_it_would_expand(tmp_path: Path) -> None:
    program = Program("web", ["/a folder/100%/python", 'say "hi"'], {"URL": "http://x/?a=%20"})
    made = configuration([program], folder=tmp_path, root=tmp_path)["program:web"]
    assert made["command"].endswith('"/a folder/100%%/python" "say \\"hi\\""')
    assert made["environment"] == 'URL="http://x/?a=%%20"'
    assert (made["autorestart"], made["killasgroup"]) == ("true", "true")


def test_only_one_stack_uses_a_data_folder(tmp_path: Path) -> None:
    with run.alone(tmp_path), pytest.raises(CannotStart, match="running"), run.alone(tmp_path):
        pass


UP = [sys.executable, "-m", "sandbox.stack", "up"]


@contextmanager
def launched(folder: Path, command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Start a stack and yield its launcher, which is killed behind the block."""
    for one in (folder, folder.parent, folder.parent.parent):
        one.chmod(one.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP | stat.S_IROTH)  # the database has a user of its own
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    own = {"DATA": str(folder / "data"), "WEB_PORT": str(ports.free(0)), "TMPDIR": str(folder)}
    with subprocess.Popen(command, cwd=ROOT, env=kept | own, stdout=subprocess.PIPE, text=True) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def parts(launcher: subprocess.Popen[str], folder: Path) -> list[psutil.Process]:
    """Return what a launcher has started so far, PostgreSQL included, which is no child of it."""
    found = psutil.Process(launcher.pid).children(recursive=True)
    postgres = [psutil.Process(int(file.read_text().split()[0])) for file in folder.rglob("postmaster.pid")]
    return [*found, *postgres]


def named(found: list[psutil.Process], word: str) -> list[psutil.Process]:
    """Return the processes in whose command the word stands, of those that still run."""
    return [one for one in found if word in " ".join(_command(one))]


def _command(one: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        words: list[str] = one.cmdline()
        return words
    return []


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder with a short path: so long the address of PostgreSQL's socket may be."""
    with tempfile.TemporaryDirectory(prefix="rs-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.mark.live
def test_up_prints_where_it_is_serves_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with launched(tmp_path, UP) as launcher:
        assert launcher.stdout is not None
        shown = json.loads(launcher.stdout.readline())
        started = parts(launcher, tmp_path)
        assert requests.get(f"{shown['site_url']}/readyz", timeout=10).json()["status"] == "ok"
        assert len(started) >= 7
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(60) == 0
    assert psutil.wait_procs(started, timeout=10)[1] == []
    secrets = tmp_path / "data" / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    written = "".join(p.read_text(errors="ignore") for p in (tmp_path / "data" / "log").iterdir())
    assert not [value for value in json.loads(secrets.read_text()).values() if value in written]


@pytest.mark.live
@pytest.mark.parametrize("victim", ["launcher", "supervisor", "make"])
def test_killing_any_part_of_a_stack_ends_all_others(folder: Path, victim: str) -> None:
    with launched(folder, ["make", "up"] if victim == "make" else UP) as launcher:
        assert launcher.stdout is not None
        launcher.stdout.readline()
        started = parts(launcher, folder)
        assert named(started, "postgres -D")
        assert named(started, "redis-server")
        [supervisor] = named(started, "supervisord")
        assert len(supervisor.children()) >= 7
        os.kill(supervisor.pid if victim == "supervisor" else launcher.pid, signal.SIGKILL)
        assert psutil.wait_procs(started, timeout=60)[1] == []


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_benchmark_leaves_no_process_and_no_folder_behind(folder: Path, number: signal.Signals) -> None:
    with launched(folder, [sys.executable, "-m", "bench", "overhead"]) as launcher:
        over = time.monotonic() + 90
        while not named(psutil.Process(launcher.pid).children(recursive=True), "bench.reverb"):
            assert time.monotonic() < over
            time.sleep(0.1)
        started = parts(launcher, folder)
        assert named(started, "postgres -D")
        launcher.send_signal(number)
        assert launcher.wait(90) != 0
        assert psutil.wait_procs(started, timeout=60)[1] == []
    assert number == signal.SIGKILL or not [*folder.glob("reverbsync-bench-*")]


def test_a_program_does_not_start_when_its_parent_is_dead_already(tmp_path: Path) -> None:
    [python, *options, us, touch, file] = parent.dying_with_us(["touch", str(tmp_path / "made")])
    assert us == str(os.getpid())
    nobody = str(int(us) + 10_000_000)
    assert subprocess.run([python, *options, nobody, touch, file], check=False).returncode
    assert not (tmp_path / "made").exists()
