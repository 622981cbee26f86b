"""Validate a store's answers. An unreadable answer is transient; errors name the field, never its value."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from shops.platforms.errors import Malformed, StoreError, TooLarge
from shops.platforms.values import Unread
from shops.schemas import Part

#: Longest title of a listing (Reverb's PrestaShop plugin).
LONGEST_TITLE = 255
#: Longest part of a title that the variant's own name may use.
LONGEST_VARIANT = 160
logger = logging.getLogger(__name__)

M = TypeVar("M", bound=Part)
R = TypeVar("R")


def valid(model: type[M], row: Any, what: str, *, may_have_applied: bool = False) -> M:
    """Return a row of an answer as `model`; `what` begins the error sentence, such as "Magento's order".

    `may_have_applied`: the answer is that of a write, which may have been applied. Raise Malformed.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Malformed(f"{what} could not be read at {where}.", may_have_applied=may_have_applied) from None


def each(rows: Iterable[Any], read: Callable[[Any], R], *, key: str = "id") -> tuple[list[R], list[Unread]]:
    """Read each row by itself; return what could be read, and which rows could not.

    `key` is the field that names the product. Any exception that `read` raises leaves its row out; Malformed and
    TooLarge give the reason. Other StoreErrors concern the whole store, since `read` may call it, and are raised.
    """
    found: list[R] = []
    unread: list[Unread] = []
    for row in rows:
        try:
            found.append(read(row))
        except (Malformed, TooLarge) as error:
            unread.append(Unread(_named(row, key), str(error)))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 -- one odd row must not hide the others
            logger.warning("Could not read a row of a store's page: %s", type(error).__name__)
            unread.append(Unread(_named(row, key), "What the store says of it could not be read."))
    return found, unread


def title_of(product: str, variant: str) -> str:
    """Return the title of a variant within LONGEST_TITLE; if it is too long, only the product's part is shortened.

    So two variants never have the same title. A variant of "" is the product itself.
    """
    name, own = " ".join(product.split()), " ".join(variant.split())
    if not own:
        return name
    if len(own) > LONGEST_VARIANT:
        half = LONGEST_VARIANT // 2
        own = f"{own[: half - 1]}…{own[-half:]}"
    room = LONGEST_TITLE - len(own) - len(" – ")
    return f"{name if len(name) <= room else name[: room - 1].rstrip() + '…'} – {own}"


def _named(row: Any, key: str) -> str:
    """Return the id in a row, "" if it has none."""
    named = row.get(key) if isinstance(row, dict) else None
    return str(named) if isinstance(named, int | str) and not isinstance(named, bool) else ""
