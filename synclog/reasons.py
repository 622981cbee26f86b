"""Outcomes of an attempt: every reason with its sentence, what the seller does, and where.

The sync engine returns an id; the log, the products page and the docs use the same sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fix(StrEnum):
    """The page on which the seller fixes a reason."""

    NOWHERE = ""
    STORE = "store"
    LISTING = "listing"
    SETTINGS = "settings"
    REVERB_CONNECTION = "reverb_connection"
    REVERB_SELLING = "reverb_selling"
    STORE_CONNECTION = "store_connection"
    PRODUCT = "product"


@dataclass(frozen=True)
class Reason:
    """One reason."""

    id: str
    words: str
    fix: Fix = Fix.NOWHERE
    #: The job stays and waits until the seller changes something.
    waits: bool = False
    #: Who the message beside an entry is from; empty: us.
    speaker: str = "Reverb"


REASONS: dict[str, Reason] = {
    reason.id: reason
    for reason in (
        # synced
        Reason("created", "A listing was made."),
        Reason("created_publishing", "A listing was made and Reverb is publishing it."),
        Reason("updated", "The listing was brought in line."),
        Reason("ended", "None is left to sell, so the listing was taken off sale."),
        Reason("relisted", "It is in stock again, so we asked Reverb to put the listing back on sale."),
        Reason("publishing", "Reverb is publishing the listing."),
        Reason("published", "The listing is live."),
        Reason("stock_to_store", "What sold, or came back, on Reverb was taken into your store's stock."),
        Reason("order_created", "The sale on Reverb was made as an order in your store."),
        Reason("order_cancelled", "The sale on Reverb is off, so its order in your store was cancelled."),
        Reason("tracking_sent", "Reverb was told the tracking number; the order there is shipped."),
        Reason("picked_up_sent", "Reverb was told that the buyer has picked it up."),
        # nothing to do
        Reason("in_sync", "Listing and product agree."),
        Reason("still_publishing", "Reverb is still publishing the listing. We look again in a moment."),
        Reason(
            "stock_undecided", "Reverb's last answer was lost. Its orders will tell in a moment what is left there."
        ),
        Reason("gone", "The product is gone from your store and has no listing on sale."),
        Reason("order_not_needed", "The sale on Reverb was off before it was made in your store, so it was not made."),
        Reason("tracking_known", "Reverb knows this tracking number already."),
        # skipped
        Reason(
            "no_sku",
            "The product has no SKU and no listing, so none was linked or made. Add a SKU in your store.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "sku_twice",
            "Another product in your store has the same SKU, so no listing was linked or made for this one. Give each "
            "product its own SKU.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "two_listings",
            "More than one listing on Reverb has this SKU, so none of them is kept in sync. Give all but one another "
            "SKU, or end them.",
            Fix.REVERB_SELLING,
            waits=True,
        ),
        Reason(
            "another_shop",
            "Another shop that uses the same Reverb account already syncs the listing with this SKU. Give the product "
            "a SKU of its own, or disconnect one of the shops.",
            Fix.PRODUCT,
            waits=True,
        ),
        Reason("creating_off", "It is not on Reverb, and making new listings is switched off.", Fix.SETTINGS),
        Reason(
            "not_chosen",
            "It is not among the products that go to Reverb. A listing that it has stays as it is until it sells out.",
            Fix.SETTINGS,
        ),
        Reason(
            "currency_not_taken",
            "Your store's currency is none that Reverb takes, so no listing was made.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "no_price",
            "The product has no price in your store, so no price was sent to Reverb. Stock still syncs. Enter a price "
            "in your store.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "no_title",
            "The product has no title in your store, so it can't be listed. Stock still syncs. Enter a title in your "
            "store.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "condition_unclear",
            "Your store calls this product used, or gives a condition that Reverb doesn't have, so it isn't listed as "
            "Brand New. Choose its condition on the product's page, or tag it in your store, such as “condition: "
            "Very Good”.",
            Fix.PRODUCT,
            waits=True,
        ),
        Reason("auto_sync_off", "Auto-sync is switched off.", Fix.SETTINGS),
        Reason("not_for_sale", "It is not for sale in your store, so no listing was made.", Fix.STORE),
        Reason("no_stock", "It is out of stock, so no listing was made. One is made when stock arrives."),
        Reason(
            "stock_not_counted",
            "Your store does not count its stock, so no listing was made. Switch on “Track quantity” for it.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "used_listing_sold",
            "This used item sold on Reverb, and Reverb locks such a listing. If you have it again, make a new listing "
            "on the product's page here, or leave it.",
            Fix.PRODUCT,
            waits=True,
        ),
        Reason(
            "ended_on_reverb",
            "It was ended on Reverb, so it was left ended. Put it on sale there if you want it back. A change of its "
            "stock brings it back too; if it had ended before it was linked here, only while auto-publish is on.",
            Fix.LISTING,
        ),
        Reason(
            "suspended",
            "Reverb has suspended this listing. Its page there says why.",
            Fix.LISTING,
            waits=True,
        ),
        Reason(
            "not_connected",
            "The shop has no working connection to Reverb.",
            Fix.REVERB_CONNECTION,
            waits=True,
        ),
        Reason(
            "not_readable",
            "Your store's data of this product couldn't be read, so we left its listing as it is. We keep trying; "
            "saving the product in your store may help.",
            Fix.STORE,
            speaker="",
        ),
        Reason("tracking_left", "It was not sent to Reverb. The order's page says why."),
        # failed
        Reason(
            "sale_not_readable",
            "Reverb's data of this sale couldn't be read, so no order was made for it. Please check the sale on Reverb "
            "and the stock in your store. We keep trying where its number is known.",
            Fix.LISTING,
            speaker="",
        ),
        Reason("order_create_failed", "The sale on Reverb could not be made in your store.", waits=True),
        Reason("order_try_later", "The sale could not be made in your store just now. It is tried again by itself."),
        Reason(
            "order_cancel_failed",
            "The sale on Reverb is off, but its order in your store could not be cancelled. Please cancel it there, "
            "unless you shipped it.",
            waits=True,
        ),
        Reason(
            "order_on_again",
            "The sale was cancelled on Reverb and is on again; its order in your store stays cancelled. Please open it "
            "again there or make a new one, or refund the buyer on Reverb.",
            waits=True,
        ),
        Reason("order_cancel_later", "The order in your store could not be cancelled just now. It is tried again."),
        Reason("tracking_failed", "Reverb could not be told the tracking number.", waits=True),
        Reason("tracking_later", "Reverb could not be told the tracking number just now. It is tried again by itself."),
        Reason(
            "refused",
            "Reverb rejected the change. Its own words are below. We retry automatically, ever more rarely.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "refused_in_part",
            "Reverb rejected part of the change. We updated the rest and retry automatically. Its own words are below.",
            Fix.STORE,
            waits=True,
        ),
        Reason(
            "kept_as_draft",
            "Reverb keeps the listing as a draft. Its warnings say what is missing.",
            Fix.LISTING,
            waits=True,
        ),
        Reason(
            "not_published",
            "Reverb has not published the listing. It mails you the reason.",
            Fix.LISTING,
            waits=True,
        ),
        Reason(
            "token_refused",
            "Reverb does not accept your token any more. Make a new one and save it.",
            Fix.REVERB_CONNECTION,
            waits=True,
        ),
        Reason(
            "still_on_sale",
            "None is left, and the listing has been on sale on Reverb for 15 minutes: we could not take it off. We "
            "mailed the shop's owners and keep trying. Please end it on Reverb.",
            Fix.LISTING,
            waits=True,
            speaker="",
        ),
        Reason(
            "not_permitted",
            "Reverb does not let this token or shop do that. Its own words are below. We retry automatically.",
            Fix.REVERB_CONNECTION,
            waits=True,
        ),
        Reason(
            "oversold",
            "Both sides sold the last one before either could be told. The orders are below: cancel one of them. "
            "Neither side was taken below zero.",
            Fix.STORE,
            speaker="",
        ),
        Reason(
            "store_refused",
            "Your store does not accept our keys, so its stock could not be updated for what sold on Reverb. "
            "Connect it again. Meanwhile we keep trying.",
            Fix.STORE_CONNECTION,
            waits=True,
            speaker="Your store",
        ),
        Reason(
            "store_takes_no_stock",
            "Your store rejected the change of its stock for what sold on Reverb. We keep trying.",
            Fix.STORE,
            waits=True,
            speaker="Your store",
        ),
        Reason(
            "store_behind",
            "Your store's stock could not be updated as far as needed. We keep trying. What is missing is below.",
            Fix.STORE,
            waits=True,
            speaker="",
        ),
        Reason(
            "store_later",
            "Your store's stock could not be updated just now. We retry within a minute.",
            speaker="Your store",
        ),
        Reason(
            "store_busy",
            "Another change of this product's stock in your store is under way. We retry in some seconds.",
            speaker="Your store",
        ),
        Reason("try_later", "It did not work just now. We retry automatically.", speaker=""),
        Reason("slow_down", "Reverb asked us to slow down. We retry automatically."),
        Reason(
            "answer_lost",
            "Reverb's answer was lost. Before we send it again, we look whether the listing was made.",
            speaker="",
        ),
        Reason(
            "look_again_first",
            "An earlier try may have made the listing. We look for it again before making one.",
        ),
        Reason(
            "gave_up",
            "It failed too often in a row. We retry once a day; press “Try again” once the cause is gone.",
            Fix.NOWHERE,
            waits=True,
            speaker="",
        ),
        Reason("interrupted", "The worker stopped half-way. It is looked at again."),
        Reason(
            "our_fault",
            "Something went wrong on our side. It will be tried again, and we can see it in our log.",
        ),
    )
}


def quoted(reason: str, message: str) -> str:
    """Return the message beside a reason as a page shows it: quoted with its speaker, unless it is ours."""
    speaker = REASONS[reason].speaker if reason in REASONS else ""
    return f"{speaker}: “{message}”" if speaker and message else message


def fix_label(reason: str) -> str:
    """Return the label of the button that leads to where a reason is fixed."""
    where = REASONS[reason].fix if reason in REASONS else Fix.NOWHERE
    return {Fix.STORE: "Fix in store", Fix.LISTING: "Open listing"}.get(where, "Fix")
