"""What other rooms may want to know of this one."""

from __future__ import annotations

from django.dispatch import Signal

#: A store that did not answer does again: what waits for it with a long delay is due now. Sent with `shop_id`.
store_is_back = Signal()
#: The same of Reverb, for the shop's account.
reverb_is_back = Signal()
