"""Reading what a store answered into our models: what cannot be read passes, and its place is told, never its value."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from shops.platforms.values import StorePassing
from shops.wire import Part

M = TypeVar("M", bound=Part)


def valid(model: type[M], row: Any, what: str, *, maybe_done: bool = False) -> M:
    """Return a row of an answer as `model`; `what` begins the sentence of the error, such as "Magento's order".

    `maybe_done`: the answer was that of a write, which may have been applied. Raises StorePassing.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise StorePassing(f"{what} could not be read at {where}.", maybe_done=maybe_done) from None
