"""All GraphQL documents that are sent to Shopify (Admin API 2026-10, checked against the published schema).

Each is complete, so that it can be checked by itself. A page of PRODUCTS costs about 60 points per product; PRODUCT
requests what a page cuts short. A listing on Reverb has at most 25 photos, so no more are read.
"""

from __future__ import annotations

from collections.abc import Sequence

VERSION = "2026-10"

SHOP = """
query Shop { shop { name currencyCode } }
"""

PRODUCT = """
query Product(
  $id: ID!
  $first: Int!
  $variants: String
  $collections: String
  $metafields: String
  $moreVariants: Boolean = true
  $moreCollections: Boolean = true
  $moreMetafields: Boolean = true
) {
  shop { currencyCode }
  product(id: $id) {
    legacyResourceId
    title
    descriptionHtml
    vendor
    productType
    tags
    status
    updatedAt
    collections(first: 50, after: $collections) @include(if: $moreCollections) {
      pageInfo { hasNextPage endCursor }
      nodes { title }
    }
    metafields(first: 50, after: $metafields) @include(if: $moreMetafields) {
      pageInfo { hasNextPage endCursor }
      nodes { namespace key value }
    }
    media(first: 25) { nodes { ... on MediaImage { image { url } } } }
    variants(first: $first, after: $variants) @include(if: $moreVariants) {
      pageInfo { hasNextPage endCursor }
      nodes {
        legacyResourceId
        title
        sku
        barcode
        price
        requiresComponents
        inventoryQuantity
        selectedOptions { name value }
        media(first: 1) { nodes { ... on MediaImage { image { url } } } }
        inventoryItem { legacyResourceId tracked }
      }
    }
  }
}
"""

PRODUCTS = """
query Products($first: Int!, $variants: Int!, $after: String, $query: String) {
  shop { currencyCode }
  productsCount(query: $query, limit: null) { count }
  products(first: $first, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes {
      legacyResourceId
      title
      descriptionHtml
      vendor
      productType
      tags
      status
      updatedAt
      collections(first: 8) { pageInfo { hasNextPage } nodes { title } }
      metafields(first: 14) { pageInfo { hasNextPage } nodes { namespace key value } }
      media(first: 25) { nodes { ... on MediaImage { image { url } } } }
      variants(first: $variants) {
        pageInfo { hasNextPage }
        nodes {
          legacyResourceId
          title
          sku
          barcode
          price
          requiresComponents
          inventoryQuantity
          selectedOptions { name value }
          media(first: 1) { nodes { ... on MediaImage { image { url } } } }
          inventoryItem { legacyResourceId tracked }
        }
      }
    }
  }
}
"""

#: The id of the next product, in order to skip it.
NEXT_PRODUCT = """
query NextProduct($after: String, $query: String) {
  products(first: 1, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes { legacyResourceId }
  }
}
"""

LOCATIONS = """
query Locations($after: String) {
  locations(first: 50, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id isActive fulfillsOnlineOrders }
  }
}
"""

#: Document of the bulk operation; its result is lines of JSON, children after their parent. It may hold five
#: connections, which are all in use, so a variant's photo is read from its older field.
BULK_PRODUCTS = """
query {
  products {
    edges {
      node {
        id
        legacyResourceId
        title
        descriptionHtml
        vendor
        productType
        tags
        status
        updatedAt
        variantsCount { count }
        collections { edges { node { id title } } }
        metafields { edges { node { id namespace key value } } }
        media { edges { node { id ... on MediaImage { image { url } } } } }
        variants {
          edges {
            node {
              id
              legacyResourceId
              title
              sku
              barcode
              price
              requiresComponents
              inventoryQuantity
              selectedOptions { name value }
              image { url }
              inventoryItem { legacyResourceId tracked }
            }
          }
        }
      }
    }
  }
}
"""

BULK_START = """
mutation BulkStart($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id }
    userErrors { code message }
  }
}
"""

BULK_STATE = """
query BulkState($id: ID!) {
  shop { currencyCode }
  bulkOperation(id: $id) { status errorCode url fileSize rootObjectCount }
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

ORDERS = """
query Orders($query: String!, $after: String) {
  orders(first: 3, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      legacyResourceId
      name
      updatedAt
      cancelledAt
      displayFinancialStatus
      displayFulfillmentStatus
      sourceIdentifier
      lineItems(first: 50) {
        nodes {
          id
          title
          sku
          quantity
          currentQuantity
          originalUnitPriceSet { shopMoney { amount } }
          variant { legacyResourceId }
          product { legacyResourceId }
        }
      }
    }
  }
}
"""

ORDER = """
query Order($id: ID!) {
  order(id: $id) {
    legacyResourceId
    name
    updatedAt
    cancelledAt
    displayFinancialStatus
    displayFulfillmentStatus
    sourceIdentifier
    lineItems(first: 50) {
      nodes {
        id
        title
        sku
        quantity
        currentQuantity
        originalUnitPriceSet { shopMoney { amount } }
        variant { legacyResourceId }
        product { legacyResourceId }
      }
    }
  }
}
"""

ORDER_CANCEL = """
mutation OrderCancel($id: ID!, $restock: Boolean!, $note: String!) {
  orderCancel(
    orderId: $id
    reason: OTHER
    restock: $restock
    refundMethod: { originalPaymentMethodsRefund: false }
    notifyCustomer: false
    staffNote: $note
  ) {
    job { id }
    orderCancelUserErrors { code message }
  }
}
"""

ORDER_PRODUCTS = """
query OrderProducts($id: ID!) {
  order(id: $id) { lineItems(first: 250) { nodes { product { legacyResourceId } } } }
}
"""

ORDER_CREATE = """
mutation OrderCreate($order: OrderCreateOrderInput!, $options: OrderCreateOptionsInput!) {
  orderCreate(order: $order, options: $options) {
    userErrors { code message }
    order {
      legacyResourceId
      name
      updatedAt
      cancelledAt
      displayFinancialStatus
      displayFulfillmentStatus
      sourceIdentifier
      lineItems(first: 50) {
        nodes {
          id
          title
          sku
          quantity
          currentQuantity
          originalUnitPriceSet { shopMoney { amount } }
          variant { legacyResourceId }
          product { legacyResourceId }
        }
      }
    }
  }
}
"""

SHIPMENTS = """
query Shipments($id: ID!) {
  order(id: $id) {
    fulfillments(first: 50) { legacyResourceId status trackingInfo(first: 5) { company number url } }
  }
}
"""


def with_levels(document: str, locations: Sequence[str]) -> str:
    """Return a document that also requests each variant's units at these locations, as `at0`, `at1` and so on."""
    levels = " ".join(
        f'at{n}: inventoryLevel(locationId: "{gid}") {{ quantities(names: ["available"]) {{ quantity }} }}'
        for n, gid in enumerate(locations)
    )
    return document.replace(
        "inventoryItem { legacyResourceId tracked", f"inventoryItem {{ legacyResourceId tracked {levels}"
    )
