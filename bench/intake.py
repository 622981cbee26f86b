"""Signed webhooks that the web server saves per second: `wrk` on the real gunicorn, each with its own delivery id.

Baseline: a bare Django view that does one INSERT of the same body, on a gunicorn with the same settings, in turn.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bench import stack
from bench.report import Result, Row, median, print_result
from sandbox.stack import ports, run
from sandbox.stack.parent import dying_with_us

SECONDS, ROUNDS = 6, 3
CONNECTIONS, THREADS = 16, 2
#: More than the server can accept in a round.
SIGNED = 40_000


def main() -> int:
    """Measure both in turn."""
    if not shutil.which("wrk"):
        print("wrk is missing. On Debian or Ubuntu: apt-get install wrk", file=sys.stderr)
        return 2
    with stack.up(app=False) as bench:
        from django.db import connection

        from bench import shops
        from webhooks.models import Delivery

        owner = shops.shop(1)
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, body bytea NOT NULL)")
        path = urlsplit(owner.store.webhook_address).path
        ours, bare, kept = [], [], 0
        with server("reverbsync.wsgi", {}) as real, server("bench.bare", _bare()) as other:
            for number in range(ROUNDS + 1):
                signed = sign(owner, bench.data / f"signed-{number}.lua", number)
                bare_one, own = wrk(other + "/take/", signed), wrk(real + path, signed)
                kept += own["requests"] - own["bad"]
                if number:  # the first round is a warm-up
                    bare.append(bare_one)
                    ours.append(own)
        rows = Delivery.objects.count()
    ratio = median([one["rate"] for one in ours]) / median([one["rate"] for one in bare])
    table: list[Row] = [("webhooks", "a second", "p50 ms", "p99 ms", "not 200", "broken")]
    table += [(name, *_middle(found)) for name, found in (("bare view, one INSERT", bare), ("intake", ours))]
    table.append(("answered 200", kept))
    table.append(("rows", rows))
    p50, p99 = (median([one[name] for one in ours]) for name in ("p50_ms", "p99_ms"))
    also = {"p99 under 10 x p50": p99 < 10 * p50, "none lost": rows >= kept}
    also["all were answered 200"] = not sum(one["bad"] + one["broken"] for one in ours)
    return print_result(Result("intake", ratio, ">= 0.7", median([one["rate"] for one in bare]), table, also))


def sign(owner: Any, file: Path, number: int) -> Path:
    """Write signed requests for wrk."""
    from bench import shops
    from shops.platforms.custom import signing

    bodies, headers = [], []
    key = f"Bearer {owner.store.token.get_secret_value()}"
    now = datetime.now(UTC)
    filler = "A fine guitar. " * 60
    for one in range(SIGNED):
        data = {"product_id": str(one), "updated_at": now.isoformat(), "items": [{"variant_id": "1", "stock": one}]}
        body = json.dumps({"type": "stock.updated", "data": data, "note": filler})
        signed = signing.sign(shops.SECRET, f"{number}-{one}", now, body.encode())
        bodies.append(f"[==[{body}]==]")
        all_of_them = {**signed, "Authorization": key, "Content-Type": "application/json"}
        headers.append("{" + ",".join(f'["{name}"]="{value}"' for name, value in all_of_them.items()) + "}")
    # A Lua function holds a limited number of constants, so many small ones fill the tables.
    parts = [
        f"(function() for n, one in ipairs({{{','.join(rows[at : at + 50])}}}) do {name}[{at}+n]=one end end)()"
        for name, rows in (("b", bodies), ("h", headers))
        for at in range(0, SIGNED, 50)
    ]
    file.write_text("local b, h = {}, {}\n" + ";\n".join(parts) + "\nreturn b, h\n")
    return file


def wrk(url: str, signed: Path) -> dict[str, Any]:
    """Run wrk once."""
    script = Path(__file__).with_name("intake.lua")
    command = ["wrk", "-t", str(THREADS), "-c", str(CONNECTIONS), "-d", f"{SECONDS}s", "--timeout", "10s"]
    command += ["-s", str(script), url, "--", str(signed), urlsplit(url).path, str(THREADS)]
    done = subprocess.run(dying_with_us(command), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "rate": found["requests"] / found["seconds"]}


@contextmanager
def server(module: str, more: dict[str, str]) -> Iterator[str]:
    """Run gunicorn as the app does; yield its address."""
    port = ports.free(0)
    command = [*run.gunicorn(port)]
    command[command.index("reverbsync.wsgi:application")] = f"{module}:application"
    process = subprocess.Popen(
        dying_with_us([*command, "--log-level", "critical"]),
        env={**os.environ, **more},
        start_new_session=True,
    )
    url = f"http://{ports.LOOPBACK}:{port}"
    try:
        _wait_for(url)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(url: str) -> None:
    over = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{url}/readyz", timeout=5)
        except requests.RequestException:
            if time.monotonic() > over:
                raise
            time.sleep(0.1)
        else:
            return


def _bare() -> dict[str, str]:
    """Return the database's address as environment variables of the bare app."""
    from django.db import connection

    said = connection.settings_dict
    return {f"BARE_{name}": str(said[name] or "") for name in ("NAME", "USER", "HOST", "PORT")}


def _middle(found: list[dict[str, Any]]) -> list[float]:
    names = ("rate", "p50_ms", "p99_ms", "bad", "broken")
    return [float(median([one[name] for one in found])) for name in names]


if __name__ == "__main__":
    sys.exit(main())
