"""The embedded stack: ports, configuration, and up and down as a whole."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from reverbsync.env import ROOT
from reverbsync.stack import ports, run
from reverbsync.stack.services import CannotStart
from reverbsync.stack.supervise import Program, configuration


def test_a_port_that_is_taken_is_replaced_by_another() -> None:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert ports.free(wanted) not in (0, wanted)
    assert ports.free(wanted) == wanted


def test_the_supervisors_configuration_quotes_what_it_would_expand(tmp_path: Path) -> None:
    program = Program("web", ["/a folder/100%/python", 'say "hi"'], {"URL": "http://x/?a=%20"})
    made = configuration([program], folder=tmp_path, root=tmp_path)["program:web"]
    assert made["command"] == '"/a folder/100%%/python" "say \\"hi\\""'
    assert made["environment"] == 'URL="http://x/?a=%%20"'
    assert (made["autorestart"], made["killasgroup"]) == ("true", "true")


def test_only_one_stack_uses_a_data_folder(tmp_path: Path) -> None:
    with run.alone(tmp_path), pytest.raises(CannotStart, match="running"), run.alone(tmp_path):
        pass


@pytest.mark.live
def test_up_prints_where_it_is_serves_and_leaves_nothing_behind(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # the database server may run as a user of its own
    data = tmp_path / "data"
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    environment = {**kept, "DATA": str(data), "WEB_PORT": str(ports.free(0))}
    command = [sys.executable, "-m", "reverbsync.stack", "up"]
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH | stat.S_IXGRP)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        told = json.loads(launcher.stdout.readline())
        started = psutil.Process(launcher.pid).children(recursive=True)
        assert requests.get(f"{told['site_url']}/readyz", timeout=10).json()["status"] == "ok"
        assert len(started) >= 6
        launcher.send_signal(signal.SIGTERM)
        assert launcher.wait(60) == 0
    assert psutil.wait_procs(started, timeout=10)[1] == []
    secrets = data / "secrets.json"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    written = "".join(p.read_text(errors="ignore") for p in (data / "log").iterdir())
    assert not [value for value in json.loads(secrets.read_text()).values() if value in written]
