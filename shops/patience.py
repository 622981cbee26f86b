"""How long a call may wait for its answer: less while much of this process already waits for what hangs.

When a platform or a hosting company is down, many stores hang at once, and each of them holds threads until its breaker
opens, and again for each probe. So once a third of a worker's threads has waited for long, further calls wait for a
short time only, and probes never hold more than a quarter of the threads. The rest is left to shops that are well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from reverbsync import clock
from reverbsync.dispatch.share import share

#: A call that has waited for so long, in seconds, hangs.
HANGS_S = 5.0
#: How long a call waits while many hang.
SHORT_S = 6.0
#: One part of these of the threads may hang before further calls wait for less; and may probe.
HANGING_PARTS, PROBING_PARTS = 3, 4

_begun: dict[int, float] = {}
_probing: set[int] = set()
_changing = threading.Lock()


@contextmanager
def waiting(read_s: float, *, probe: bool) -> Iterator[float]:
    """Count this thread's call while the block runs; yields how long, in seconds, it may wait instead of `read_s`."""
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
    """Return whether one thread more may wait for the answer to a probe."""
    return not _reached(len(_probing), PROBING_PARTS)


def _reached(count: int, parts: int) -> bool:
    return share.threads is not None and count >= max(1, share.threads // parts)
