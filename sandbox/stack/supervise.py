"""The processes of the app under supervisord: restarted when they die, stopped together."""

from __future__ import annotations

import configparser
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sandbox.stack.parent import dying_with_its_parent, dying_with_us

STOP_SECONDS = 12


@dataclass(frozen=True)
class Program:
    """One process. `environment` is added to what it inherits and must contain no secret: it is written to a file."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Smaller ones start first and stop last.
    priority: int = 100


class Supervised:
    """Programs that run while the block runs. They inherit secrets; the configuration file contains none."""

    def __init__(
        self, programs: Sequence[Program], *, folder: Path, root: Path, environment: Mapping[str, str]
    ) -> None:
        """`folder` is for logs and configuration; `root` is the working directory."""
        self._folder = folder
        self._environment = dict(environment)
        self._config = configuration(programs, folder=folder, root=root)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "supervisord.conf"
        with path.open("w") as file:
            self._config.write(file)
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", str(path)]
        self._process = subprocess.Popen(
            dying_with_us(command),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    @property
    def alive(self) -> bool:
        """Return whether the supervisor itself is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The supervisor's process id; the programs are its children. 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def configuration(programs: Sequence[Program], *, folder: Path, root: Path) -> configparser.RawConfigParser:
    """Return supervisord's configuration (its manual, "Configuration File")."""
    config = configparser.RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": _text(folder / "supervisord.log"),
        "pidfile": _text(folder / "supervisord.pid"),
        "childlogdir": _text(folder),
        "minfds": "1024",
    }
    for program in programs:
        config[f"program:{program.name}"] = {
            "command": " ".join(_quoted(part) for part in dying_with_its_parent(program.command)),
            "directory": _text(root),
            "environment": ",".join(f"{name}={_quoted(value)}" for name, value in program.environment.items()),
            "priority": str(program.priority),
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "20",
            "stopasgroup": "true",
            "killasgroup": "true",
            "stopwaitsecs": str(STOP_SECONDS),
            "redirect_stderr": "true",
            "stdout_logfile": _text(folder / f"{program.name}.log"),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
        }
    return config


def _text(value: object) -> str:
    """Escape what supervisord would expand."""
    return str(value).replace("%", "%%")


def _quoted(value: str) -> str:
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
