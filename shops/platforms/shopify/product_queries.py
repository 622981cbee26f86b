"""The GraphQL queries for products."""

from __future__ import annotations

from collections.abc import Sequence

#: What is read of a product and of a variant; a bulk operation reads the same in another form.
PRODUCT_FIELDS = """
fragment ProductFields on Product {
  legacyResourceId
  title
  descriptionHtml
  vendor
  productType
  tags
  status
  updatedAt
  media(first: 25) { nodes { ... on MediaImage { image { url } } } }
}
fragment VariantFields on ProductVariant {
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
"""
PRODUCT = (
    """
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
    ...ProductFields
    collections(first: 50, after: $collections) @include(if: $moreCollections) {
      pageInfo { hasNextPage endCursor }
      nodes { title }
    }
    metafields(first: 50, after: $metafields) @include(if: $moreMetafields) {
      pageInfo { hasNextPage endCursor }
      nodes { namespace key value }
    }
    variants(first: $first, after: $variants) @include(if: $moreVariants) {
      pageInfo { hasNextPage endCursor }
      nodes {
        ...VariantFields
      }
    }
  }
}
"""
    + PRODUCT_FIELDS
)
PRODUCTS = (
    """
query Products($first: Int!, $variants: Int!, $after: String, $query: String) {
  shop { currencyCode }
  productsCount(query: $query, limit: null) { count }
  products(first: $first, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes {
      ...ProductFields
      collections(first: 8) { pageInfo { hasNextPage } nodes { title } }
      metafields(first: 14) { pageInfo { hasNextPage } nodes { namespace key value } }
        variants(first: $variants) {
        pageInfo { hasNextPage }
        nodes {
          ...VariantFields
        }
      }
    }
  }
}
"""
    + PRODUCT_FIELDS
)
#: The id of the next product, in order to skip it.
NEXT_PRODUCT = """
query NextProduct($after: String, $query: String) {
  products(first: 1, after: $after, query: $query, sortKey: ID) {
    pageInfo { hasNextPage endCursor }
    nodes { legacyResourceId }
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


def with_levels(document: str, locations: Sequence[str]) -> str:
    """Return a document that also requests each variant's units at these locations, as `at0`, `at1` and so on."""
    levels = " ".join(
        f'at{n}: inventoryLevel(locationId: "{gid}") {{ quantities(names: ["available"]) {{ quantity }} }}'
        for n, gid in enumerate(locations)
    )
    return document.replace(
        "inventoryItem { legacyResourceId tracked", f"inventoryItem {{ legacyResourceId tracked {levels}"
    )
