"""Products as REST V1 shows them (formats of the documentation's samples): simple, or a family with its children."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.common.keep import Doc
from sandbox.common.store import Stores

SIMPLE, CONFIGURABLE = "simple", "configurable"
#: Attributes that every store of this stand-in has: code, id, label.
KNOWN = (("manufacturer", 83, "Manufacturer"), ("color", 93, "Color"), ("upc", 150, "UPC"))
#: Attributes whose value is the number of an option.
CHOSEN = {"manufacturer", "color"}


def stamp(at: float) -> str:
    """Return a time in UTC, without a zone."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def number_of(name: str) -> int:
    """Return the number of an option or category; the same for the same name."""
    return sum((n + 1) * ord(letter) for n, letter in enumerate(name)) + 1000


def code_of(label: str) -> str:
    """Return the code of an attribute."""
    return "color" if label.lower() in ("color", "colour") else label.lower().replace(" ", "_")[:30]


@dataclass(frozen=True)
class Entry:
    """An entry of the catalogue: a product without options, a family (no variant), or a child of one."""

    doc: Doc
    row: Doc | None
    family: bool

    @property
    def id(self) -> int:
        """Its entity id: a child has its own."""
        return int(self.row["id"] if self.family and self.row else self.doc["id"])

    @property
    def type(self) -> str:
        """Its type."""
        return SIMPLE if self.row else CONFIGURABLE

    @property
    def sku(self) -> str:
        """Its SKU; Magento derives one from the name if none was entered."""
        if self.row is None:
            return f"family-{self.doc['id']}"
        return str(self.row["sku"] or f"{self.doc['title'].lower().replace(' ', '-')}-{self.id}")

    @property
    def own(self) -> Doc:
        """Magento's own settings: stock, dates, other fields (`/_control/entities/<sku>`)."""
        found: Doc = (self.row if self.row is not None else self.doc).get("magento", {})
        return found

    @property
    def stock_sku(self) -> str:
        """Its SKU as the stock tables spell it: in another case, or with a trailing blank."""
        return str(self.own.get("stock_sku") or self.sku)

    @property
    def changed(self) -> float:
        """When it changed. Stock changes and orders do not count; a child does not date its parent or siblings."""
        if self.family:
            edited = float(self.row["updated_at"] if self.row else self.doc["edited_at"])
        else:
            edited = float(self.doc["updated_at"])
        return max(edited, float(self.own.get("changed_at", 0)))


def entries(stores: Stores, domain: str) -> Iterator[Entry]:
    """Return all entries of a store, by entity id within each product."""
    for doc in stores.products(domain):
        yield from of(doc)


def of(doc: Doc) -> Iterator[Entry]:
    """Return the entries of one product of the store."""
    family = any(row["options"] for row in doc["variants"])
    if family:
        yield Entry(doc, None, family=True)
    for row in doc["variants"]:
        yield Entry(doc, row, family)


def field(one: Entry, name: str) -> Any:
    """Return the value of a field that a search may use. Raises KeyError."""
    match name:
        case "entity_id":
            return one.id
        case "sku":
            return one.sku
        case "type_id":
            return one.type
        case "updated_at":
            return stamp(one.changed)
        case "status":
            return status(one)
        case "name":
            return one.doc["title"]
    raise KeyError(name)


def status(one: Entry) -> int:
    """Return 1 for an enabled product, 2 for a disabled one: a family's children are not disabled with it."""
    enabled = one.doc["status"] == "ACTIVE" or (one.family and one.row is not None)
    return int(one.own.get("status", 1 if enabled else 2))


#: The root of the tree: each product is in it too, as the admin assigns it.
ROOT_CATEGORY = {"id": 2, "parent_id": 1, "name": "Default Category", "is_active": True, "level": 1, "path": "1/2"}


def categories(doc: Doc) -> list[str]:
    """Return the names of a product's categories, the shallow ones first."""
    return [name for name in [*doc["collections"], doc["product_type"]] if name]


def tree(docs: list[Doc]) -> list[Doc]:
    """Return the categories of a store: collections below the root, product types one level deeper."""
    levels = {name: 2 for doc in docs for name in doc["collections"] if name}
    levels |= {doc["product_type"]: 3 for doc in docs if doc["product_type"]}
    made: list[Doc] = [{**ROOT_CATEGORY, "level": 0, "id": 1, "parent_id": 0, "name": "Root Catalog", "path": "1"}]
    made.append(ROOT_CATEGORY)
    for name, level in sorted(levels.items()):
        number = number_of(name)
        node = {"level": level, "path": f"1/2/{number}" if level == 2 else f"1/2/9/{number}"}
        made.append({"id": number, "parent_id": 2, "name": name, "is_active": True, **node})
    return made


def attributes(stores: Stores, domain: str) -> list[Doc]:
    """Return the attributes that the seller defined, with the options in use."""
    used: dict[str, set[str]] = {"manufacturer": set(), "color": set()}
    texts: dict[str, str] = {}
    for doc in stores.products(domain):
        used["manufacturer"].add(doc["vendor"])
        for row in doc["variants"]:
            for label, value in row["options"].items():
                used.setdefault(code_of(label), set()).add(value)
        texts |= {code_of(label): label for label in doc["attributes"]}
    labels = {code: (number, label) for code, number, label in KNOWN}
    rows = []
    for code in sorted({*used, *texts, *labels}):
        number, label = labels.get(code, (number_of(code), texts.get(code, code.title())))
        options = [{"label": " ", "value": ""}] if code in used else []
        options += [{"label": name, "value": str(number_of(name))} for name in sorted(used.get(code, ())) if name]
        rows.append(
            {
                "attribute_id": number,
                "attribute_code": code,
                "default_frontend_label": label,
                "frontend_input": "select" if code in used else "text",
                "is_user_defined": True,
                "options": options,
            }
        )
    return rows


def product(one: Entry) -> Doc:
    """Return an entry as a product; lists and single responses differ only in the stock item."""
    doc, row = one.doc, one.row
    custom = {
        "description": doc["description_html"],
        "url_key": f"product-{one.id}",
        "category_ids": ["2", *(str(number_of(name)) for name in categories(doc))],
        "meta_keyword": ",".join(doc["tags"]),
        "manufacturer": str(number_of(doc["vendor"])) if doc["vendor"] else None,
        "upc": row["barcode"] if row else None,
        **{code_of(label): str(value) for label, value in doc["attributes"].items()},
    }
    extension: Doc = {"website_ids": one.own.get("website_ids", [1])}
    name = doc["title"]
    if row and one.family:
        custom |= {code_of(label): str(number_of(value)) for label, value in row["options"].items()}
        name = f"{name}-{'-'.join(row['options'].values())}"
    if row is None:
        extension["configurable_product_links"] = [child["id"] for child in doc["variants"]]
        labels = list(dict.fromkeys(label for child in doc["variants"] for label in child["options"]))
        extension["configurable_product_options"] = [_choice(doc, label, n) for n, label in enumerate(labels)]
    custom |= one.own.get("custom", {})
    return {
        "id": one.id,
        "sku": one.sku,
        "name": name,
        "attribute_set_id": 4,
        "price": float(row["price"]) if row else 0,
        "status": status(one),
        "visibility": one.own.get("visibility", 1 if row and one.family else 4),
        "type_id": one.type,
        "created_at": stamp(doc["created_at"]),
        "updated_at": stamp(one.changed),
        "extension_attributes": extension,
        "media_gallery_entries": [
            {"id": n, "media_type": "image", "position": n, "disabled": False, "types": [], "file": link}
            for n, link in enumerate(_files(doc))
        ],
        "tier_prices": one.own.get("tier_prices", []),
        "custom_attributes": [{"attribute_code": k, "value": v} for k, v in custom.items() if v not in (None, "", [])],
    }


def _choice(doc: Doc, label: str, position: int) -> Doc:
    code = code_of(label)
    number = next((known for name, known, _ in KNOWN if name == code), number_of(code))
    values = sorted({number_of(row["options"][label]) for row in doc["variants"] if label in row["options"]})
    return {
        "id": doc["id"] * 10 + position,
        "attribute_id": str(number),
        "label": label,
        "position": position,
        "values": [{"value_index": value} for value in values],
        "product_id": doc["id"],
    }


def _files(doc: Doc) -> list[str]:
    """Return the images' paths below the media address."""
    return [f"/{doc['id']}/{n}/{link.rpartition('/')[2]}" for n, link in enumerate(doc["images"])]
