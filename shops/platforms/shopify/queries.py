"""All GraphQL documents that are sent to Shopify (Admin API 2026-10, checked against the published schema).

Each is complete, so that it can be checked by itself. A page of PRODUCTS costs about 60 points per product; PRODUCT
requests what a page cuts short. A listing on Reverb has at most 25 photos, so no more are read.
"""

from __future__ import annotations

VERSION = "2026-10"

SHOP = """
query Shop { shop { name currencyCode } }
"""


LOCATIONS = """
query Locations($after: String) {
  locations(first: 50, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id isActive fulfillsOnlineOrders }
  }
}
"""


STOCK_OWNER = """
query StockOwner($id: ID!) {
  inventoryItem(id: $id) {
    variants(first: 1) { nodes { product { legacyResourceId } } }
  }
}
"""

COUNT = """
query Count($id: ID!, $after: String) {
  inventoryItem(id: $id) {
    tracked
    variants(first: 1) { nodes { inventoryQuantity } }
    inventoryLevels(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        isActive
        location { id isActive fulfillsOnlineOrders isFulfillmentService }
        quantities(names: ["available"]) { quantity }
      }
    }
  }
}
"""

ADJUST = """
mutation Adjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    userErrors { code message }
  }
}
"""

HOOKS = """
query Hooks($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id topic uri }
  }
}
"""

HOOK_CREATE = """
mutation HookCreate($topic: WebhookSubscriptionTopic!, $uri: String!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {uri: $uri, format: JSON}) {
    webhookSubscription { id }
    userErrors { message }
  }
}
"""

HOOK_DELETE = """
mutation HookDelete($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { message }
  }
}
"""
