"""The GraphQL Admin API: the published schema, as strict as the real one, with the cost of each query."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.shopify.answers import Root

SCHEMA: GraphQLSchema = build_schema(Path(__file__).with_name("schema.graphqls").read_text())
#: Largest cost of one query (widely stated).
MAX_COST = 1000
#: Mutations that require an idempotency key (changelog, 2026-04).
MUST_HAVE_KEY = {"inventoryAdjustQuantities"}


def answer(stores: Stores, shop: Doc, query: str, variables: Doc, *, notify: Notify, url: str) -> tuple[Doc, int, int]:
    """Return the response to a query without its cost, the requested cost, and the actual cost."""
    try:
        document, wrong = read(query)
    except GraphQLError as error:
        return {"errors": [error.formatted]}, 0, 0
    if wrong:
        return {"errors": [error.formatted for error in wrong]}, 0, 0
    if missing := MUST_HAVE_KEY & set(_fields(document)) - set(_keys(document, variables)):
        words = f"The @idempotent directive is required for {', '.join(sorted(missing))}."
        return {"errors": [{"message": words}]}, 0, 0
    cost_requested = cost(document, variables)
    if cost_requested > MAX_COST:
        words = f"Query cost is {cost_requested}, which exceeds the single query max cost limit ({MAX_COST})."
        return {"errors": [{"message": words, "extensions": {"code": "MAX_COST_EXCEEDED"}}]}, cost_requested, 0
    root = Root(stores, shop, notify, url)
    keys = _keys(document, variables)
    result = execute_sync(SCHEMA, document, root_value=root.fields(keys), variable_values=variables)
    found: Doc = {"data": result.data}
    if result.errors:
        found["errors"] = [error.formatted for error in result.errors]
    return found, cost_requested, _objects(result.data)


@lru_cache(maxsize=100)
def read(query: str) -> tuple[DocumentNode, list[GraphQLError]]:
    """Return a query's document and its validation errors. Raises GraphQLError."""
    document = parse(query)
    return document, validate(SCHEMA, document)


def cost_of(query: str, variables: Doc) -> int:
    """Return the requested cost of a query, 0 if it cannot be parsed."""
    try:
        return cost(read(query)[0], variables)
    except GraphQLError:
        return 0


def cost(document: DocumentNode, variables: Doc) -> int:
    """Return the requested cost: an object is 1, a connection as many as requested (docs: rate limits)."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return sum(_cost(one.selection_set, fragments, variables) for one in operations)


def _cost(selection: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], variables: Doc) -> int:
    total = 0
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode) and node.selection_set:
            inner = _cost(node.selection_set, fragments, variables)
            size = _size(node, variables)
            total += (size * max(1, inner) if size else 1 + inner) if node.name.value not in _FREE else inner
        elif isinstance(node, InlineFragmentNode):
            total += _cost(node.selection_set, fragments, variables)
        elif isinstance(node, FragmentSpreadNode):
            total += _cost(fragments[node.name.value].selection_set, fragments, variables)
    return total


_FREE = ("nodes", "edges", "pageInfo")


def _size(node: FieldNode, variables: Doc) -> int:
    for argument in node.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                return int(variables.get(value.name.value) or 0)
    return 0


def _objects(data: Any) -> int:
    if isinstance(data, list):
        return sum(_objects(item) for item in data)
    if isinstance(data, dict):
        return 1 + sum(_objects(value) for value in data.values())
    return 0


# -- idempotency keys ----------------------------------------------------------------------------------------------


def _fields(document: DocumentNode) -> list[str]:
    rows = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return [node.name.value for one in rows for node in one.selection_set.selections if isinstance(node, FieldNode)]


def _keys(document: DocumentNode, variables: Doc) -> dict[str, str]:
    """Return the idempotency key of each field that has one."""
    found = {}
    rows = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    for node in (node for one in rows for node in one.selection_set.selections if isinstance(node, FieldNode)):
        for directive in node.directives or ():
            if directive.name.value == "idempotent":
                [argument] = directive.arguments or ()
                value = argument.value
                known = (
                    variables.get(value.name.value) if isinstance(value, VariableNode) else getattr(value, "value", "")
                )
                found[node.name.value] = str(known)
    return found
