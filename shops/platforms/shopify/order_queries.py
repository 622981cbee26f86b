"""The GraphQL queries and mutations for orders and shipments."""

from __future__ import annotations

#: What is read of an order; shops/platforms/shopify/orders.py is its reader.
ORDER_FIELDS = """
fragment OrderFields on Order {
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
"""
ORDERS = (
    """
query Orders($query: String!, $after: String) {
  orders(first: 3, after: $after, query: $query, sortKey: UPDATED_AT) {
    pageInfo { hasNextPage endCursor }
    nodes {
      ...OrderFields
    }
  }
}
"""
    + ORDER_FIELDS
)
ORDER = (
    """
query Order($id: ID!) {
  order(id: $id) {
    ...OrderFields
  }
}
"""
    + ORDER_FIELDS
)
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
ORDER_CREATE = (
    """
mutation OrderCreate($order: OrderCreateOrderInput!, $options: OrderCreateOptionsInput!) {
  orderCreate(order: $order, options: $options) {
    userErrors { code message }
    order {
      ...OrderFields
    }
  }
}
"""
    + ORDER_FIELDS
)
SHIPMENTS = """
query Shipments($id: ID!) {
  order(id: $id) {
    fulfillments(first: 50) { legacyResourceId status trackingInfo(first: 5) { company number url } }
  }
}
"""
