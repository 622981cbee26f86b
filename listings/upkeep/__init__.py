"""What follows when settings or a connection change, and the regular comparison of both sides."""

from __future__ import annotations
