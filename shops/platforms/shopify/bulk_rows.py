"""The products of a bulk operation's lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shops.platforms.reading import each
from shops.platforms.shopify import products
from shops.platforms.shopify.bulk_file import is_root
from shops.platforms.shopify.product_pages import Found
from shops.platforms.shopify.products import Reader
from shops.schema_text import object_of


def products_in(rows: list[bytes], read: Reader) -> Found:
    """Return the products of whole lines, and the ids of incomplete products."""
    groups: dict[str, _Group] = {}
    found, orphans, latest = Found(), [], None
    for raw in rows:
        if not raw.strip():
            continue
        row = object_of(raw)
        if row is None:
            if latest is not None:
                latest.is_whole = False
        elif is_root(row):
            latest = groups.setdefault(str(row.get("id")), _Group(row))
        elif (parent := groups.get(str(row["__parentId"]))) is not None:
            parent.children.append(row)
        else:  # its product is in another piece
            orphans.append(str(row["__parentId"]).rpartition("/")[2])
    for group in groups.values():
        number = str(group.product.get("legacyResourceId") or "")
        if number and not (group.is_whole and group.has_all_variants):
            found.cut_short.append(number)
            continue
        shown, unread = each([group.page_row], read.units, key="legacyResourceId")
        found.unread += unread
        for units, left_out in shown:
            found.units += units
            found.unread += left_out
    found.cut_short = list(dict.fromkeys([*orphans, *found.cut_short]))
    return found


@dataclass
class _Group:
    """A product with the lines of its children."""

    product: dict[str, Any]
    children: list[dict[str, Any]] = field(default_factory=list)
    is_whole: bool = True

    def named(self, kind: str) -> list[dict[str, Any]]:
        """Return the children of a kind."""
        return [row for row in self.children if f"/{kind}/" in str(row.get("id", ""))]

    @property
    def has_all_variants(self) -> bool:
        """Return whether the file holds as many variants as Shopify counts."""
        said = self.product.get("variantsCount")
        most = said.get("count") if isinstance(said, dict) else None
        return not isinstance(most, int) or len(self.named("ProductVariant")) >= most

    @property
    def page_row(self) -> dict[str, Any]:
        """Return the product in the shape of a page's row."""
        variants = [{**row, "media": {"nodes": [{"image": row.get("image")}]}} for row in self.named("ProductVariant")]
        return {
            **self.product,
            "media": {"nodes": self.named("MediaImage")[: products.MOST_PHOTOS]},
            "collections": {"nodes": self.named("Collection")},
            "metafields": {"nodes": self.named("Metafield")},
            "variants": {"nodes": variants},
        }
