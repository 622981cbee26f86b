"""A stand-in Magento 2: REST V1 with signed calls, reservations, no webhooks."""
