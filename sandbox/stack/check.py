"""`make demo CHECK=1`: edit products in the store, wait, and compare store and Reverb field by field, unattended."""

from __future__ import annotations

import html
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from sandbox.stack import demo, run
from sandbox.stack.demo import Demo
from sandbox.stack.services import CannotStart

Doc = dict[str, Any]
PATIENCE_S = 75
ANY_PORTS = {"web": 0, "reverb": 0, "store": 0}
CONDITIONS_THAT_HOLD_SEVERAL = {"Brand New", "B-Stock", "Mint (with inventory)"}


@dataclass
class Edit:
    """One edit: its product, what it does, and the expected outcome."""

    name: str
    sku: str
    outcome: str
    do: Callable[[], Any]
    #: False: nothing may have been written to Reverb.
    in_sync: bool = True
    found: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def main(kind: str) -> int:
    """Run the check with a store of this kind on its own stack; return 0 if all was as expected."""
    print(f"-- {kind}", flush=True)
    data = Path(tempfile.mkdtemp(prefix="reverbsync-check-"))
    data.chmod(0o755)  # the database server may run as another user
    good = False
    try:
        with run.stopped_by_signals(), demo.up(data / "demo", kind, preferred=ANY_PORTS) as up:
            good = _check(up)
    except (CannotStart, requests.RequestException) as error:
        print(error, file=sys.stderr)
    if good:
        shutil.rmtree(data, ignore_errors=True)
    else:
        print(f"The logs are in {data / 'demo' / 'log'}", file=sys.stderr)
    return 0 if good else 1


def _check(up: Demo) -> bool:
    up.look_at_store()  # finish the first crawl: an edit that it finds first is only recorded
    new, used = _listed(up, several=True), _listed(up, several=False)
    edits = _edits(up, new, used)
    began = time.monotonic()
    for edit in edits:
        edit.do()
    in_time = _wait(up)
    edits.append(_back_from_zero(up, edits))
    sold = _sold_on_reverb(up, used[5]) if up.own_reverb else None
    in_time = _wait(up) and in_time
    took = time.monotonic() - began
    outcomes = Outcomes(up)
    for edit in edits:
        _compare(up, edit, outcomes)
    if sold is not None:
        _compare_sold(up, sold, outcomes)
        edits.append(sold)
    _print(edits, took, in_time=in_time)
    return in_time and not any(edit.wrong for edit in edits)


def _edits(up: Demo, new: list[Doc], used: list[Doc]) -> list[Edit]:
    """Return the edits that are made first; others follow once these are synced."""

    def product(doc: Doc, **wish: Any) -> Callable[[], Any]:
        return lambda: up.at_store("PUT", f"/products/{doc['id']}", wish)

    def variant(doc: Doc, **wish: Any) -> Callable[[], Any]:
        return lambda: up.at_store("PUT", f"/variants/{doc['variants'][0]['id']}", wish)

    def sku(doc: Doc) -> str:
        return str(doc["variants"][0]["sku"])

    stock = [int(doc["variants"][0]["inventory_quantity"]) for doc in new]
    edits = [
        Edit("price", sku(used[0]), "Synced", variant(used[0], price="1234.56")),
        Edit("stock up", sku(new[0]), "Synced", variant(new[0], inventory_quantity=stock[0] + 5)),
        Edit("stock down", sku(new[1]), "Synced", variant(new[1], inventory_quantity=stock[1] - 1)),
        Edit("title", sku(used[1]), "Synced", product(used[1], title="A title with “quotes” & an ampersand")),
        Edit(
            "description",
            sku(used[2]),
            "Synced",
            product(used[2], description_html="<h2>New</h2><p>All <b>new</b></p>"),
        ),
        Edit("one to zero", sku(used[3]), "Synced", variant(used[3], inventory_quantity=0)),
        Edit("zero, later back", sku(new[2]), "Synced", variant(new[2], inventory_quantity=0)),
        Edit("new product", "CHECK-NEW", "Synced", lambda: up.at_store("POST", "/products", _brand_new(up))),
        Edit("without SKU", "", "Skipped", lambda: up.at_store("POST", "/products", _without_sku()), in_sync=False),
        Edit("refused by Reverb", sku(used[4]), "Failed", product(used[4], product_type=_no_leaf(up)), in_sync=False),
    ]
    return [edit for edit in edits if edit.sku or not up.stand_in.always_sku]


def _back_from_zero(up: Demo, edits: list[Edit]) -> Edit:
    first = next(edit for edit in edits if edit.name == "zero, later back")
    _compare(up, first, None)
    edits.remove(first)
    [doc] = up.at_store("GET", f"/products?sku={first.sku}")
    variant = doc["variants"][0]["id"]
    up.at_store("PUT", f"/variants/{variant}", {"inventory_quantity": 4})
    went = ["at zero: " + ", ".join(first.found[-2:]) + "; then"]
    return Edit("zero and back", first.sku, "Synced", lambda: None, found=went, wrong=first.wrong)


def _sold_on_reverb(up: Demo, doc: Doc) -> Edit:
    """Buy a used item on Reverb that the app has synced."""
    sku, variant = str(doc["variants"][0]["sku"]), doc["variants"][0]["id"]
    up.at_store("PUT", f"/variants/{variant}", {"price": "1500.00"})
    _wait(up)
    listing = _find(up, sku)
    answer = requests.post(f"{up.reverb_web}/_control/buy", json={"listing_id": (listing or {}).get("id")}, timeout=30)
    answer.raise_for_status()
    return Edit("sold on Reverb", sku, "Synced", lambda: None)


def _compare_sold(up: Demo, edit: Edit, outcomes: Outcomes) -> None:
    """Check that the unit is deducted in the store, and that the listing stays sold."""
    [product] = up.at_store("GET", f"/products?sku={edit.sku}")
    units, listing = int(product["variants"][0]["inventory_quantity"]), _find(up, edit.sku)
    state = listing["state"]["slug"] if listing else "gone"
    edit.found += [f"log says {outcomes.last(edit.sku)}", f"stock {units}", f"state {state}"]
    edit.wrong += [
        f"{name} should be {good}"
        for name, now, good in (("stock", units, 0), ("state", state, "ordered"))
        if now != good
    ]


def _listed(up: Demo, *, several: bool) -> list[Doc]:
    """Return single-variant products with a live listing on Reverb; create the listing if there is none."""
    found: list[Doc] = []
    for doc in up.at_store("GET", "/products"):
        used = any(tag.startswith("condition:") for tag in doc["tags"])
        [first, *others] = doc["variants"]
        if others or used == several:
            continue
        if not _find(up, first["sku"]):
            if up.own_reverb:
                continue
            _make_listed(up, doc)
        found.append(doc)
        if len(found) == 6:
            break
    return found


def _make_listed(up: Demo, doc: Doc) -> None:
    """A Reverb that is not our stand-in has no listings yet: let the sync create the listing first."""
    title = doc["title"]
    up.at_store("PUT", f"/products/{doc['id']}", {"title": f"{title} "})
    up.at_store("PUT", f"/products/{doc['id']}", {"title": title})
    if not _wait(up):
        raise CannotStart(f"No listing was made for {title}.")


def _brand_new(up: Demo) -> Doc:
    row = {"sku": "CHECK-NEW", "price": "499.00", "inventory_quantity": 2, "barcode": "885978110803"}
    return {
        "title": "Fender Check Special",
        "vendor": "Fender",
        "product_type": "Electric Guitars / Solid Body",
        "description_html": "<p>Made for this check.</p>",
        "images": [f"{up.store}/photos/CHECK-NEW.svg"],
        "variants": [row],
    }


def _without_sku() -> Doc:
    row = {"sku": "", "price": "10.00", "inventory_quantity": 1}
    return {"title": "A strap without a number", "vendor": "Ernie Ball", "variants": [row]}


def _no_leaf(up: Demo) -> str:
    """Return a category that Reverb refuses on a listing, because it only groups others."""
    rows = up.at_reverb("/categories/flat")["categories"]
    return str(next(row["full_name"] for row in rows if row.get("listable") is False))


def _wait(up: Demo) -> bool:
    """Wait until all webhooks of the store are processed and nothing is open."""
    time.sleep(1.0)  # the store sends in the background; unsent webhooks cannot be waited for
    try:
        if up.stand_in.silent:
            up.look_at_store("changes", "stock")
        up.stack.manage("queue", "wait", "--timeout", str(PATIENCE_S))
    except CannotStart as error:
        print(error, file=sys.stderr)
        return False
    return True


# -- comparing -----------------------------------------------------------------------------------------------------


def _find(up: Demo, sku: str) -> Doc | None:
    """Return the listing with this SKU as its own address shows it; None if there is none."""
    rows = [row for row in up.at_reverb("/my/listings", sku=sku, state="all")["listings"] if row["sku"] == sku]
    if len(rows) > 1:
        raise CannotStart(f"Reverb has {len(rows)} listings with the SKU {sku}.")
    found: Doc | None = up.at_reverb(f"/listings/{rows[0]['id']}") if rows else None
    return found


def _compare(up: Demo, edit: Edit, outcomes: Outcomes | None) -> None:
    if outcomes is not None:
        title = "" if edit.sku else "A strap without a number"
        said = outcomes.last(edit.sku or title)
        edit.found.append(f"log says {said or 'nothing'}")
        if said != edit.outcome:
            edit.wrong.append(f"the log should say {edit.outcome}")
    if not edit.in_sync:
        return
    listing = _find(up, edit.sku)
    products = up.at_store("GET", f"/products?sku={edit.sku}")
    if listing is None or len(products) != 1:
        edit.wrong.append("no listing" if listing is None else f"{len(products)} products")
        return
    for name, ours, theirs in _fields(products[0], listing):
        if name != "words":
            edit.found.append(f"{name} {theirs}")
        if ours != theirs:
            edit.wrong.append(f"{name} is {theirs!r}, the store says {ours!r}")


def _fields(product: Doc, listing: Doc) -> list[tuple[str, str, str]]:
    """Return each field as the store and as Reverb has it."""
    [variant] = product["variants"]
    several = listing["condition"]["display_name"] in CONDITIONS_THAT_HOLD_SEVERAL
    units = int(variant["inventory_quantity"])
    state = listing["state"]["slug"]
    on_sale = listing["inventory"] if state == "live" else 0
    return [
        ("title", product["title"].strip(), listing["title"]),
        ("price", f"{Decimal(variant['price']):.2f}", listing["price"]["amount"]),
        ("stock", str(units if several else min(units, 1)), str(on_sale)),
        ("state", "live" if units else "sold" if several else "ended", state),
        ("words", _words(product["description_html"]), _words(listing["description"])),
    ]


def _words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


class Outcomes:
    """Reads the sync log as a person does: signed in, page by page."""

    def __init__(self, up: Demo) -> None:
        """Sign in."""
        self._log = f"{up.stack.site_url}/shops/{up.shop_id}/log/"
        self._session = requests.Session()
        page = f"{up.stack.site_url}/accounts/login/"
        self._session.get(page, timeout=30).raise_for_status()
        form = {"login": demo.EMAIL, "password": up.password, "csrfmiddlewaretoken": self._session.cookies["csrftoken"]}
        self._session.post(page, data=form, headers={"Referer": page}, timeout=30).raise_for_status()

    def last(self, words: str) -> str:
        """Return the outcome of the newest attempt for a SKU or title, skipping those that found nothing to do.

        An interrupted attempt may have done its work; the next one then finds nothing to do.
        """
        answer = self._session.get(self._log, params={"q": words}, timeout=30)
        answer.raise_for_status()
        cut_short = False
        for outcome, reason in re.findall(r'data-outcome="(\w+)" data-reason="(\w*)"', answer.text):
            if reason in ("interrupted", "answer_lost", "try_later"):
                cut_short = True
            elif outcome != "nothing":
                return str(outcome).title()
        return "Synced" if cut_short else ""


def _print(edits: list[Edit], took: float, *, in_time: bool) -> None:
    width = max(len(edit.name) for edit in edits)
    for edit in edits:
        mark = "BAD" if edit.wrong else "ok "
        print(f"{mark}  {edit.name:<{width}}  {edit.sku:<10}  {', '.join(edit.found)}")
        for words in edit.wrong:
            print(f"     {'':<{width}}  {'':<10}  -> {words}")
    good = in_time and not any(edit.wrong for edit in edits)
    print(json.dumps({"ok": good, "edits": len(edits), "seconds": round(took, 1), "in_time": in_time}))
