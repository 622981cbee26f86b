"""Ports on the loopback address."""

from __future__ import annotations

import socket
from collections.abc import Collection

LOOPBACK = "127.0.0.1"
#: How many ports behind a wanted one are tried before any other is taken.
NEXT = 20


def free(wanted: int, *, apart_from: Collection[int] = ()) -> int:
    """Return `wanted` when nobody listens there, else one of the next ports, else any free one. 0: any free one.

    `apart_from`: ports that are promised to somebody who does not listen yet.
    """
    tried = range(wanted, min(wanted + NEXT, 65_536)) if wanted else ()
    for port in (*tried, 0):
        if port and (port in apart_from or is_taken(port)):
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise RuntimeError("No port is free on 127.0.0.1.")


def is_taken(port: int) -> bool:
    """Return whether somebody takes connections there: on some systems a port can be bound all the same."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
