"""What tests of Magento share."""

from __future__ import annotations

FAMILY = [
    {"sku": f"C-{name}", "price": "250.00", "inventory_quantity": 3, "options": {"Color": name}}
    for name in ("Red", "Blue")
]
