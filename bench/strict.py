"""The strict stand-in Reverb of `sandbox/` without its limits, for benchmarks that count calls."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from bench import stack
from bench.overhead import FREE
from sandbox.stack import ports, run
from sandbox.stack.parent import dying_with_us

if TYPE_CHECKING:
    from shops.models import Shop

CATEGORY = "Electric Guitars / Solid Body"
PATIENCE_S = 20.0
LIMITS = [f"{kind}_per_{window}" for kind in ("reads", "writes") for window in ("minute", "10_minutes")]


@dataclass(frozen=True)
class Reverb:
    """Its address, with calls as a seller and to its control addresses."""

    url: str
    session: requests.Session

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control address."""
        answer = self.session.request(method, f"{self.url}/_control{path}", json=body, timeout=300)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str, *, token: str, **query: str) -> Any:
        """Read as a seller."""
        return self._call("GET", path, token, params=query)

    def write(self, listing: int | None, body: dict[str, Any], *, token: str) -> None:
        """Update a listing, or create one, as a seller."""
        self._call("POST" if listing is None else "PUT", f"/listings/{listing or ''}".rstrip("/"), token, json=body)

    def category(self) -> str:
        """Return the id of the category of all products."""
        rows = self.get("/categories/flat", token="token-1")["categories"]
        return next(str(row["uuid"]) for row in rows if row["full_name"] == CATEGORY)

    def seed(self, rows: list[dict[str, Any]], *, token: str) -> None:
        """Create live listings for an account."""
        self.control("POST", "/accounts", {"token": token, "email": token})
        self.control("POST", "/listings", {"token": token, "listings": [{**row, "state": "live"} for row in rows]})
        self.forget_calls()

    def calls(self, token: str) -> list[str]:
        """Return the calls of an account so far: the method, and the path without numbers."""
        found = self.control("GET", "/requests")
        mine = [call for call in found if call["account"] == token]
        return [f"{call['method']} {re.sub(r'/[0-9][^/]*', '/…', call['path'])}{_state(call)}" for call in mine]

    def listings(self, token: str) -> list[dict[str, Any]]:
        """Return the listings of an account as stored."""
        return [row for row in self.control("GET", "/listings") if row["account"] == token]

    def forget_calls(self) -> None:
        """Reset the counted calls."""
        self.control("DELETE", "/requests")

    def _call(self, method: str, path: str, token: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Accept-Version": "3.0"}
        answer = self.session.request(method, f"{self.url}/api{path}", headers=headers, timeout=60, **more)
        answer.raise_for_status()
        return answer.json()


def _state(call: dict[str, Any]) -> str:
    if "sku=" in call["query"]:
        return " (by SKU)"
    found = re.search(r"state=(\w+)", call["query"])
    return f" ({found[1]})" if found else ""


def owner(reverb: Reverb, number: int = 1) -> Shop:
    """Create a shop that is connected to the account `token-<number>`."""
    from bench import mass

    reverb.control("POST", "/accounts", {"token": f"token-{number}", "email": f"token-{number}"})
    return mass.shop(number)


@contextmanager
def up() -> Iterator[Reverb]:
    """Run the stand-in and what the app needs while the block runs."""
    with running() as reverb, stack.up(app=False, more={**FREE, "REVERB_API_URL": f"{reverb.url}/api"}):
        reverb.control("POST", "/settings", dict.fromkeys(LIMITS, 9_000_000))
        yield reverb


@contextmanager
def running() -> Iterator[Reverb]:
    """Run the stand-in alone, with its limits, while the block runs."""
    run.stop_on_signals()
    port = ports.free(0)
    url = f"http://{ports.LOOPBACK}:{port}"
    command = [sys.executable, "-m", "gunicorn", "sandbox.reverb.app:application", "--worker-class", "gthread"]
    command += ["--threads", "8", "--bind", f"{ports.LOOPBACK}:{port}", "--log-level", "critical"]
    # Idle connections stay open long enough to be reused.
    command += ["--no-control-socket", "--keep-alive", "75"]
    process = subprocess.Popen(dying_with_us(command), env={"PATH": "/usr/bin:/bin", "SANDBOX_URL": url})
    try:
        over = time.monotonic() + PATIENCE_S
        reverb = Reverb(url, requests.Session())
        while not _answers(reverb) and time.monotonic() < over:
            time.sleep(0.05)
        yield reverb
    finally:
        process.terminate()
        process.wait(10)


def _answers(reverb: Reverb) -> bool:
    try:
        reverb.control("GET", "/settings")
    except requests.RequestException:
        return False
    return True
