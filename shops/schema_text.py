"""Text from outside: entities and markup removed, and what PostgreSQL can store."""

from __future__ import annotations

import html
import json
import re
from typing import Any

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_MARKUP = re.compile(r"</?(?:a|b|br|div|em|font|h[1-6]|i|p|small|span|strong|sub|sup|u)(?:\s[^<>]*)?/?>", re.IGNORECASE)


def words_of(text: str) -> str:
    """Return a name or term as people read it: without markup, and with entities unescaped once.

    Stores hold `Peavey &amp; Co` if a plug-in or an import wrote the name.
    """
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return " ".join(storable_text(text).split())


def object_of(body: bytes) -> dict[str, Any] | None:
    """Return the bytes parsed as a JSON object, None if they are anything else or nested too deeply."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def storable(value: Any) -> Any:
    """Return a value whose strings have no characters that PostgreSQL rejects."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list) else value


def storable_text(text: str) -> str:
    """Return a text without NUL, and with U+FFFD for lone surrogates: PostgreSQL and UTF-8 allow neither."""
    if "\0" in text:
        text = text.replace("\0", "")
    if text.isascii():
        return text  # the common case
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
