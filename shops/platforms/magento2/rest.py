"""Calls to Magento's REST V1: signed, paced, and its errors in our words."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.platforms import calls
from shops.platforms.magento2 import search, signing
from shops.platforms.values import StorePassing, StoreRefused, Unsupported

STORE = "Magento"
#: Magento sets no limit; its host does, and answers grow slow long before.
CALLS_PER_MINUTE = 240
#: Whose names and prices are read: those of the default store view.
VIEW = "default"


def budget_of(address: str) -> Budget:
    """Return the pace of a store."""
    return Budget(f"magento2:{address.partition('//')[2]}", CALLS_PER_MINUTE)


def encoded(sku: str) -> str:
    """Return a SKU as a part of a path."""
    return quote(sku, safe="")


class Rest:
    """REST V1 of one store."""

    def __init__(self, address: str, token: SecretStr) -> None:
        """Nothing is asked yet."""
        self.address = address
        self._token = token
        self._budget = budget_of(address)

    def get(self, path: str, query: str = "", *, missing: bool = False) -> Any:
        """Return the answer; with `missing`, None where there is no such thing or no such route."""
        answer = self._call("GET", path + (f"?{query}" if query else ""))
        if missing and answer.status == 404:
            return None
        return self._read("GET", answer)

    def rows(self, path: str, query: str) -> tuple[list[Any], int]:
        """Return the rows of a search's page, and how many there are in all."""
        said = self.get(path, query)
        if not isinstance(said, dict):
            raise StorePassing(f"{STORE}'s list could not be read.")
        total = said.get("total_count")
        rows = said.get("items") or []
        return list(rows), total if isinstance(total, int) else len(rows)

    def every(self, path: str, *groups: search.Group, sort: str = "entity_id", fields: str = "") -> list[Any]:
        """Return the rows of all pages of a search."""
        found: list[Any] = []
        page = 1
        while True:
            rows, total = self.rows(path, search.query(*groups, sort=sort, page=page, fields=fields))
            found += rows
            if not rows or len(found) >= total:
                return found
            page += 1

    def send(self, method: str, path: str, body: object) -> Any:
        """Write something and return the answer."""
        return self._read(method, self._call(method, path, body))

    def _call(self, method: str, path: str, body: object = None) -> Answer:
        url = f"{self.address}/rest/{VIEW}/V1{path}"
        signed = signing.headers(self._token.get_secret_value(), method, url)
        headers = {**signed, "Accept": "application/json", "Content-Type": "application/json"}
        return calls.call(STORE, method, url, budgets=[self._budget], headers=headers, body=body)

    def _read(self, method: str, answer: Answer) -> Any:
        if answer.status in (429, 503):
            raise calls.slow_down(STORE, self._budget, answer)
        said = calls.json_of(STORE, answer)
        if 200 <= answer.status < 300:
            return said
        words = f"{STORE}: {_message(said)}"
        if answer.status in (401, 403):
            todo = "Open System, Integrations in Magento, check what it may do, and press Reauthorize."
            raise StoreRefused(f"{words} {todo}")
        if answer.status >= 500:
            raise StorePassing(words, maybe_done=method != "GET")
        raise Unsupported(words)


def _message(said: Any) -> str:
    """Return an error's sentence, its parameters (a list, or by name) filled in."""
    if not isinstance(said, dict):
        return "The call was refused."
    text, told = str(said.get("message") or "The call was refused."), said.get("parameters")
    named = told if isinstance(told, dict) else {str(n): part for n, part in enumerate(told or [], 1)}
    for name, part in named.items():
        text = text.replace(f"%{name}", str(part))
    return text[:300]
