"""Run several steps so that one that fails does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


def each_by_itself(*steps: Callable[[], object]) -> None:
    """Run every step, then raise the first error. Further errors are logged."""
    errors = []
    for step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 -- raised below
            errors.append(error)
    for other in errors[1:]:
        logger.error("Another step failed, too", exc_info=other)
    if errors:
        raise errors[0]
