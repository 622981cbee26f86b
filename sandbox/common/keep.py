"""Documents in memory under one lock, written through to a file so that they survive a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Doc = dict[str, Any]
#: Kinds that a stale replica may show.
TRAILING = ("product", "order")


class Keep:
    """Documents by kind and id. Hold `lock` while reading several or changing any."""

    def __init__(self, folder: Path | None, name: str) -> None:
        """`folder`: None stores documents in memory only."""
        self.lock = threading.RLock()
        self._docs: dict[str, dict[str, Doc]] = {}
        self._unsaved: list[dict[str, Any]] = []
        self._now: Callable[[], float] | None = None
        self._seen = threading.local()
        self._was: dict[tuple[str, str], list[tuple[float, str | None]]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / f"{name}.sqlite")
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("CREATE TABLE IF NOT EXISTS doc (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id))")
        for kind, key, body in self._file.execute("SELECT kind, id, body FROM doc ORDER BY rowid"):
            self.all(kind)[key] = json.loads(body)

    def all(self, kind: str) -> dict[str, Doc]:
        """Return the documents of a kind by id, oldest first."""
        seen: dict[str, dict[str, Doc]] | None = getattr(self._seen, "docs", None)
        return self._docs.setdefault(kind, {}) if seen is None or kind not in seen else seen[kind]

    def get(self, kind: str, key: object) -> Doc | None:
        """Return one document."""
        return self.all(kind).get(str(key))

    def put(self, kind: str, key: object, doc: Doc) -> Doc:
        """Save a document and write it through."""
        with self.lock:
            self.all(kind)[str(key)] = doc
            body = json.dumps(doc)
            self._file.execute("INSERT OR REPLACE INTO doc VALUES (?, ?, ?)", [kind, str(key), body])
            self._note(kind, str(key), body)
        return doc

    def drop(self, kind: str, key: object) -> None:
        """Delete a document."""
        with self.lock:
            self.all(kind).pop(str(key), None)
            self._note(kind, str(key), None)
            self._file.execute("DELETE FROM doc WHERE kind = ? AND id = ?", [kind, str(key)])

    def clear(self) -> None:
        """Delete everything."""
        with self.lock:
            for memory in self._unsaved:
                memory.clear()
            self._docs.clear()
            self._was.clear()
            self._now = None
            self._file.execute("DELETE FROM doc")

    def unsaved(self) -> dict[str, Any]:
        """Return an empty dictionary that is not written to the file, and that `clear` empties too."""
        memory: dict[str, Any] = {}
        self._unsaved.append(memory)
        return memory

    def number(self, kind: str, first: int) -> int:
        """Return the next number of a series, which never repeats."""
        with self.lock:
            found = int((self.get("number", kind) or {"next": first})["next"])
            self.put("number", kind, {"next": found + 1})
        return found

    # -- history -------------------------------------------------------------------------------------------------

    def remember(self, now: Callable[[], float]) -> None:
        """Record the versions of each document from now on, by this clock."""
        with self.lock:
            if self._now is None:
                self._now = now
                for kind in TRAILING:
                    self._was |= {(kind, key): [(0.0, json.dumps(doc))] for key, doc in self.all(kind).items()}

    def see(self, at: float | None) -> None:
        """Show this thread products and orders as of a time since recording began; None: current."""
        self._seen.docs = None if at is None else {kind: self._as_of(kind, at) for kind in TRAILING}

    def _as_of(self, kind: str, at: float) -> dict[str, Doc]:
        found = {}
        with self.lock:
            for key in [key for was, key in self._was if was == kind]:
                bodies = [body for since, body in self._was[kind, key] if since <= at]
                if bodies and bodies[-1] is not None:
                    found[key] = json.loads(bodies[-1])
        return found

    def _note(self, kind: str, key: str, body: str | None) -> None:
        if self._now is not None and kind in TRAILING:
            self._was.setdefault((kind, key), []).append((self._now(), body))
