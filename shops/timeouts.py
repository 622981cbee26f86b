"""Limit how long a call waits for its answer while many threads of this process wait for hanging services.

When a platform or a hosting company is down, many stores hang at once. Each holds threads until its breaker opens, and
again for each probe. So once a third of a worker's threads hang, further calls get a short time-out, and probes never
hold more than a quarter of the threads. The other threads serve healthy shops.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reverbsync import clock
from reverbsync.dispatch.concurrency import share

#: A call that has waited for this many seconds hangs.
HANGS_S = 5.0
#: Time-out in seconds while many calls hang.
SHORT_S = 6.0
#: A third of the threads may hang before time-outs are shortened; a quarter may probe.
HANGING_PARTS, PROBING_PARTS = 3, 4

_begun: dict[int, float] = {}
_probing: set[int] = set()
_changing = threading.Lock()


@contextmanager
def waiting(read_s: float, *, probe: bool) -> Iterator[float]:
    """Count this thread's call during the block; yield its time-out in seconds, at most `read_s`."""
    me, now = threading.get_ident(), clock.monotonic()
    with _changing:
        hanging = sum(now - begun >= HANGS_S for begun in _begun.values())
        _begun[me] = now
        if probe:
            _probing.add(me)
    try:
        yield min(read_s, SHORT_S) if _reached(hanging, HANGING_PARTS) else read_s
    finally:
        with _changing:
            _begun.pop(me, None)
            _probing.discard(me)


def may_probe() -> bool:
    """Return whether one more thread may wait for a probe."""
    return not _reached(len(_probing), PROBING_PARTS)


def _reached(count: int, parts: int) -> bool:
    return share.threads is not None and count >= max(1, share.threads // parts)
