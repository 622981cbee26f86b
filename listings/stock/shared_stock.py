"""Products that share one stock in the store, such as variations counted at their parent."""

from __future__ import annotations

from django.db.models import QuerySet

from listings.models import Ledger, Product
from listings.stock.agreed import Agreed, store_adjustment


def sharers(product: Product) -> QuerySet[Product]:
    """Return the other products that share this product's stock, such as variations."""
    same = Product.objects.filter(shop=product.shop_id, store_stock_id=product.store_stock_id, gone_at=None)
    return same.exclude(pk=product.pk) if product.may_share_stock else same.none()


def undeducted_of_sharers(product: Product) -> int:
    """Return the units of a shared stock that sold as another product and are not deducted in the store yet."""
    if not product.may_share_stock:
        return 0
    rows = Ledger.objects.filter(listing__product__in=sharers(product)).values_list("units", "store")
    return sum(max(0, -store_adjustment(Agreed(units, store))) for units, store in rows)
