"""Registration of webhooks one by one. A topic that the platform refuses raises Unsupported."""

from __future__ import annotations

from functools import partial

from shops import hooks
from shops.hooks import Hook
from shops.platforms.errors import Unsupported

__all__ = ["Hook", "keep"]

keep = partial(hooks.keep, refusals=(Unsupported,))
