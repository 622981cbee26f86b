"""Edit a response's JSON by paths, to produce the odd shapes that plug-ins cause.

`"*.images.0.src": false` sets a value in each row of a list, `"[sku=A1].meta_data": {}` in the rows whose field has the
value (as text). `*` also matches each value of an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def edit(doc: Any, changes: dict[str, Any], drops: list[str]) -> Any:
    """Change `doc` in place and return it; a path without a match changes nothing. The path "" is the whole."""
    if "" in changes:
        return changes[""]
    for path, value in changes.items():
        for parent, key in _targets(doc, path.split(".")):
            parent[key] = value
    for path in drops:
        for parent, key in list(_targets(doc, path.split("."))):
            if isinstance(parent, list) or key in parent:
                del parent[key]
    return doc


def _targets(doc: Any, path: list[str]) -> Iterator[tuple[Any, Any]]:
    first, rest = path[0], path[1:]
    for key in _keys(doc, first):
        if not rest:
            yield doc, key
        elif isinstance(doc, list) or key in doc:
            yield from _targets(doc[key], rest)


def _keys(doc: Any, word: str) -> list[Any]:
    if isinstance(doc, dict):
        return list(doc) if word == "*" else [word]
    if not isinstance(doc, list):
        return []
    if word == "*":
        return list(range(len(doc)))
    if word[:1] == "[":
        name, _, value = word[1:-1].partition("=")
        return [n for n, row in enumerate(doc) if isinstance(row, dict) and str(row.get(name)) == value]
    return [int(word)] if word.isdigit() and int(word) < len(doc) else []
