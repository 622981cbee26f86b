"""Signals for other apps."""

from __future__ import annotations

from django.dispatch import Signal

#: A store that did not answer answers again: its waiting work is due now. Sent with `shop_id`.
store_is_back = Signal()
#: The same for Reverb and the shop's account.
reverb_is_back = Signal()
