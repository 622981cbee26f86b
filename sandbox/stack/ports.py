"""Ports on the loopback address."""

from __future__ import annotations

import socket
from collections.abc import Collection

LOOPBACK = "127.0.0.1"
#: Number of ports after the wanted one that are tried before any other is used.
NEXT = 20


def free(wanted: int, *, apart_from: Collection[int] = ()) -> int:
    """Return `wanted` if it is free, else one of the next ports, else any free one. 0: any free one.

    `apart_from`: ports reserved for programs that do not listen yet.
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
    """Return whether a program accepts connections on it: some systems allow binding such a port all the same."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((LOOPBACK, port)) == 0
