"""The demo: the stack, a stand-in Reverb, a stand-in store, and a seller whose shop connects the two.

The stand-ins are ordinary programs, started by name and called over HTTP.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.stack import ports, ready, run
from sandbox.stack.services import PATIENCE_S, CannotStart
from sandbox.stack.stores import STORES, StandIn
from sandbox.stack.supervise import Program

EMAIL = "demo@example.com"
NAME = "Demo Guitars"
PREFERRED = {"web": 8000, "reverb": 8101, "store": 8102}
TITLES = {"web": "ReverbSync", "reverb": "The stand-in Reverb", "store": "The stand-in store"}


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    stack: run.Stack
    store: str
    reverb_web: str
    reverb_api: str
    reverb_token: str
    password: str
    shop_id: int
    stand_in: StandIn
    #: False if the environment names another Reverb than our stand-in.
    own_reverb: bool

    def at_store(self, method: str, path: str, body: Any = None) -> Any:
        """Call the stand-in store's control address."""
        return _ask(method, f"{self.store}/_control{path}", body)

    def look_at_store(self, *kinds: str) -> None:
        """Make the app crawl the store now instead of on schedule, and wait until it has. Raises CannotStart."""
        shop = ["--shop", str(self.shop_id)]
        for kind in kinds:
            self.stack.manage("catalogue", "begin", *shop, "--kind", kind)
        self.stack.manage("catalogue", "wait", *shop, "--timeout", str(PATIENCE_S * 2))

    def at_reverb(self, path: str, **query: str | int) -> Any:
        """Read from Reverb's own API, as any client would."""
        headers = {
            "Authorization": f"Bearer {self.reverb_token}",
            "Accept": "application/hal+json",
            "Accept-Version": "3.0",
        }
        answer = requests.get(self.reverb_api + path, params=query, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def up(data: Path, kind: str, *, preferred: dict[str, int] | None = None) -> Iterator[Demo]:
    """Run the demo with a store of this kind; its state is stored in `data` and created once. Raises CannotStart."""
    stand_in = STORES[kind]
    kept = _kept(data, preferred or PREFERRED)
    found = _ports(kept["ports"] if preferred is not None else kept["ports"] | _chosen())
    store = f"http://{ports.LOOPBACK}:{found['store']}"
    reverb_api = os.environ.get("REVERB_API_URL", "")
    own_reverb = not reverb_api
    reverb_web = os.environ.get("REVERB_WEB_URL", reverb_api.removesuffix("/api"))
    mark = secrets.token_hex(8)
    beside = [_stand_in("store", stand_in.module, data, found["store"], mark)]
    if own_reverb:
        reverb_web = f"http://{ports.LOOPBACK}:{found['reverb']}"
        reverb_api = f"{reverb_web}/api"
        beside.append(_stand_in("reverb", "sandbox.reverb.app", data, found["reverb"], mark))
    else:
        kept["reverb_token"] = os.environ.get("DEMO_REVERB_TOKEN") or kept["reverb_token"]
    more = {"REVERB_API_URL": reverb_api, "REVERB_WEB_URL": reverb_web, **stand_in.environment(store)}
    with run.up(data, port=found["web"], beside=beside, more=more) as stack:
        for program in beside:
            _wait_for(program, found[program.name], mark, stack)
        if own_reverb:
            _seed_reverb(reverb_web, kept, store)
        shop_id = _seed(stack, stand_in, store, kept)
        words = (kept["reverb_token"], kept["password"])
        yield Demo(stack, store, reverb_web, reverb_api, *words, shop_id, stand_in, own_reverb)


def _chosen() -> dict[str, int]:
    port = run.chosen_port()
    return {"web": port} if port is not None else {}


def _ports(wanted: dict[str, int]) -> dict[str, int]:
    """Return a free port for each program, the wanted one if possible, and report those that differ."""
    found: dict[str, int] = {}
    for name, port in wanted.items():
        found[name] = ports.free(port, apart_from=found.values())
        if port and found[name] != port:
            print(run.other_port(port, found[name], TITLES[name]), file=sys.stderr)
    return found


def _wait_for(program: Program, port: int, mark: str, stack: run.Stack) -> None:
    server = ready.Server(TITLES[program.name], port, "/_control/settings", "Stand-In-Instance", mark)
    log = stack.log / f"{program.name}.log"
    ready.wait(server, log=log, alive=lambda: stack.programs.alive, patience_s=PATIENCE_S)


def _stand_in(name: str, module: str, data: Path, port: int, mark: str) -> Program:
    """Return a stand-in's program: one process with threads, since its state is in memory."""
    command = [sys.executable, "-m", "gunicorn", f"{module}:application", "--worker-class", "gthread"]
    command.append("--no-control-socket")
    address = f"{ports.LOOPBACK}:{port}"
    environment = {
        "SANDBOX_DATA": str(data / name),
        "SANDBOX_URL": f"http://{address}",
        "SANDBOX_INSTANCE": mark,
    }
    return Program(name, [*command, "--workers", "1", "--threads", "16", "--bind", address], environment, priority=10)


def _kept(data: Path, preferred: dict[str, int]) -> dict[str, Any]:
    """Return the demo's own tokens, password and ports, created once."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "demo.json"
    if not path.exists():
        path.touch(mode=0o600)
        made = {name: secrets.token_urlsafe(18) for name in ("reverb_token", "seed")}
        path.write_text(json.dumps({**made, "password": secrets.token_urlsafe(9), "ports": preferred}))
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def _seed_reverb(web: str, kept: dict[str, Any], store: str) -> None:
    _ask("POST", f"{web}/_control/accounts", {"token": kept["reverb_token"], "shop_name": "Demo Guitars"})
    _ask("POST", f"{web}/_control/seed", {"token": kept["reverb_token"], "store": store})


def _seed(stack: run.Stack, stand_in: StandIn, store: str, kept: dict[str, Any]) -> int:
    """Create the store and the shop, once, and wait until the store calls the shop. Returns the shop's id."""
    token, secret = stand_in.token(kept["seed"]), stand_in.secret(kept["seed"])
    own = {"domain": stand_in.domain, "token": token, "secret": secret, "name": NAME}
    _ask("POST", f"{store}/_control/shops", own)
    _ask("POST", f"{store}/_control/seed", {"domain": stand_in.domain})
    at = {"platform": stand_in.kind, "store": stand_in.address(store), "store-token": token, "store-secret": secret}
    known = next((shop for shop in json.loads(stack.manage("shop", "list")) if shop["name"] == NAME), None)
    if known is None:
        shop = json.loads(stack.manage("shop", "create", *_said(at | _owner(kept))))
    elif known["store"] != at["store"]:  # its port was in use this time
        shop = json.loads(stack.manage("shop", "connect", *_said(at | {"shop": str(known["id"])})))
    else:
        shop = known
    if stand_in.pushes:
        _ask("POST", f"{store}/_control/shops", {**own, "hook": shop["webhooks"]["store"]})
        _ask("POST", f"{store}/_control/push", {"domain": stand_in.domain})
    elif not stand_in.silent:
        _wait_for_hooks(store, stack.site_url)
    return int(shop["id"])


def _owner(kept: dict[str, Any]) -> dict[str, str]:
    made = {"owner": EMAIL, "password": kept["password"], "name": NAME, "set": "auto_publish=true"}
    return {**made, "reverb-token": kept["reverb_token"]}


def _said(given: dict[str, str]) -> list[str]:
    """Write "--name=value", since a token may begin with a dash."""
    return [f"--{name}={value}" for name, value in given.items()]


def _wait_for_hooks(store: str, site_url: str) -> None:
    """Wait until the app has registered its webhooks: in the background, and again after a change of port.

    An edit before that would only be found by the next crawl.
    """
    over = time.monotonic() + 2 * PATIENCE_S
    while not _call(_ask("GET", f"{store}/_control/shops", None)[0]["webhooks"], site_url):
        if time.monotonic() > over:
            raise CannotStart(f"The app did not register its webhooks for {site_url} in the stand-in store.")
        time.sleep(0.1)


def _call(webhooks: list[dict[str, Any]], site_url: str) -> bool:
    """Return whether there are webhooks and all of them call this address."""
    return bool(webhooks) and all(f"{site_url}/webhooks/" in json.dumps(one) for one in webhooks)


def _ask(method: str, url: str, body: Any) -> Any:
    """Call a control address."""
    answer = requests.request(method, url, json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()
