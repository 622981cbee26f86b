"""The stand-in ShipStation, from its documents: V1 API, webhooks, and the fetching side of its custom store."""
