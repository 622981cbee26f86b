"""The stand-in ShipStation, from its documentation: V1 API, webhooks, and the client of its custom store."""
