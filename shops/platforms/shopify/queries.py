"""Every GraphQL document that is sent to Shopify (Admin API 2026-10, checked against the published schema)."""

from __future__ import annotations

VERSION = "2026-10"

PRODUCT = """
query Product($id: ID!, $after: String) {
  shop { currencyCode }
  product(id: $id) {
    id
    legacyResourceId
    title
    descriptionHtml
    vendor
    productType
    tags
    status
    media(first: 12) { nodes { ... on MediaImage { image { url } } } }
    variants(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        legacyResourceId
        title
        sku
        barcode
        price
        inventoryQuantity
        selectedOptions { name value }
        media(first: 1) { nodes { ... on MediaImage { image { url } } } }
        inventoryItem { id legacyResourceId tracked }
      }
    }
  }
}
"""

STOCK_OWNER = """
query StockOwner($id: ID!) {
  inventoryItem(id: $id) {
    id
    variants(first: 1) { nodes { product { legacyResourceId } } }
  }
}
"""

SHOP = """
query Shop { shop { name } }
"""
