"""Connect ShipStation in two ways: its custom store fetches orders and reports parcels; its webhook hints at labels.

Facts: "Custom Store Development Guide" (2012 and the newer pages), V1 API docs (Basic authentication, 40 calls a
minute, SHIP_NOTIFY with a `resource_url`), hosts and queries of that address as seen in public code.
"""
