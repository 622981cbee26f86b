"""Search criteria: groups that must all match, of conditions of which one must; sorting and pages.

Facts: Magento 2.4.7 as seen: a page past the end is empty, and null if `fields` trims the response. A row that cannot
be shown fails its whole page, whatever `fields` names, since that trims the finished response.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, g

from sandbox.common.keep import Doc

#: Row, field → value, None if the row has none. Raises KeyError for a field that does not exist.
Field = Callable[[Any, str], Any]
_FILTER = re.compile(
    r"searchCriteria\[(?:filter_groups|filterGroups)\]\[(\w+)\]\[filters\]\[(\w+)\]\[(field|value|condition_type|conditionType)\]"
)
_SORT = re.compile(r"searchCriteria\[sortOrders\]\[(\w+)\]\[(field|direction)\]")
MOST, USUAL = 300, 20


class Wrong(ValueError):
    """Invalid criteria; the message is Magento's."""


class Broken(Exception):
    """A row cannot be rendered: a plug-in throws an error on it, or its image is gone."""


def answer(request: Request, rows: list[Any], field: Field, show: Callable[[Any], Doc]) -> Doc:
    """Return the requested page, trimmed to `fields`."""
    args = request.args
    for group in _groups(args).values():
        rows = [row for row in rows if any(_holds(one, row, field) for one in group.values())]
    for name, down in _sorting(args):
        rows = sorted(rows, key=lambda row, name=name: _order(field(row, name)), reverse=down)  # type: ignore[misc]
    size = args.get("searchCriteria[pageSize]", USUAL, type=int)
    page = args.get("searchCriteria[currentPage]", 1, type=int)
    most = g.shop.get("most_rows", MOST)
    if size > most:
        raise Wrong(f"Maximum SearchCriteria pageSize is {most}")
    page_rows = [show(row) for row in rows[(page - 1) * size : page * size]]
    if any(_is_broken(row) for row in page_rows):
        raise Broken
    shown: list[Doc] | None = page_rows
    wanted = args.get("fields")
    if wanted and not shown:
        shown = None
    whole: Doc = {"items": shown, "search_criteria": {}, "total_count": len(rows)}
    return trimmed(whole, wanted) if wanted else whole


def _is_broken(row: Doc) -> bool:
    """Return whether the shop is set to fail at a row: `broken` names SKUs of products, and ids of orders."""
    return not {str(row.get("sku")), str(row.get("entity_id"))}.isdisjoint(g.shop.get("broken") or ())


def trimmed(value: Any, fields: str) -> Any:
    """Keep only what `fields` names, such as `items[id,extension_attributes[stock_item]],total_count`."""
    return _trim(value, _tree(fields))


def _tree(text: str) -> dict[str, Any]:
    root: dict[str, Any] = {}
    stack, name = [root], ""
    for letter in [*text, ","]:
        if letter in ",[]":
            if name:
                stack[-1][name] = {}
            if letter == "[":
                stack.append(stack[-1][name])
            elif letter == "]":
                stack.pop()
            name = ""
        else:
            name += letter
    return root


def _trim(value: Any, tree: Mapping[str, Any]) -> Any:
    if not tree or value is None:
        return value
    if isinstance(value, list):
        return [_trim(one, tree) for one in value]
    return {name: _trim(part, tree[name]) for name, part in value.items() if name in tree}


def _groups(args: Mapping[str, str]) -> dict[str, dict[str, Doc]]:
    found: dict[str, dict[str, Doc]] = {}
    for name, value in args.items():
        hit = _FILTER.fullmatch(name)
        if hit:
            one = found.setdefault(hit[1], {}).setdefault(hit[2], {"condition_type": "eq"})
            one["condition_type" if hit[3] == "conditionType" else hit[3]] = value
    return found


def _sorting(args: Mapping[str, str]) -> list[tuple[str, bool]]:
    found: dict[str, Doc] = {}
    for name, value in args.items():
        hit = _SORT.fullmatch(name)
        if hit:
            found.setdefault(hit[1], {})[hit[2]] = value
    rows = [(one["field"], one.get("direction", "DESC").upper() == "DESC") for one in found.values()]
    return rows[::-1]


def _holds(one: Doc, row: Any, field: Field) -> bool:
    try:
        value = field(row, one["field"])
    except KeyError:
        raise Wrong(f"Column not found: {one.get('field')}") from None
    wish = one.get("value", "")
    match one["condition_type"]:
        case "eq":
            return _same(value, wish)
        case "neq":
            return not _same(value, wish)
        case "in":
            return any(_same(value, part) for part in wish.split(","))
        case "nin":
            return not any(_same(value, part) for part in wish.split(","))
        case "gt":
            return _order(value) > _order(wish)
        case "gteq" | "from" | "moreq":
            return _order(value) >= _order(wish)
        case "lt":
            return _order(value) < _order(wish)
        case "lteq" | "to":
            return _order(value) <= _order(wish)
        case "like":
            return fnmatch.fnmatch(str(value).lower(), wish.lower().replace("%", "*"))
        case "null":
            return value is None
        case "notnull":
            return value is not None
        case other:
            raise Wrong(f"Unknown condition {other}")


def _same(value: Any, wish: str) -> bool:
    """Compare like the database: ignoring case and trailing blanks."""
    return value is not None and str(value).rstrip().lower() == wish.rstrip().lower()


def _order(value: Any) -> tuple[int, float, str]:
    text = str(value)
    return (0, float(text), "") if re.fullmatch(r"-?\d+(\.\d+)?", text) else (1, 0.0, text)
