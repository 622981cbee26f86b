"""The root URLconf; each package has its own."""

from __future__ import annotations

from django.urls import include, path

from reverbsync import health

urlpatterns = [
    *(path(address.removeprefix("/"), view) for address, view in health.ADDRESSES.items()),
    path("accounts/", include("allauth.urls")),
    path("webhooks/", include("webhooks.urls")),
    path("shops/<int:shop_id>/log/", include("synclog.urls")),
    path("shops/<int:shop_id>/products/", include("listings.products.urls")),
    path("shops/<int:shop_id>/mass-sync/", include("listings.mass_sync.urls")),
    path("shops/<int:shop_id>/orders/", include("listings.orders.urls")),
    path("shops/<int:shop_id>/dead-letters/", include("webhooks.dead_letters.urls")),
    path("shops/<int:shop_id>/data/", include("webhooks.privacy.urls")),
    path("connect/", include("shops.connect.urls")),
    path("", include("shops.urls")),
]
