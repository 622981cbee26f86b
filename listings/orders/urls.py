"""Addresses of a shop's orders, below the shop."""

from __future__ import annotations

from django.urls import path

from listings.orders import views
from listings.orders.shipstation import views as shipstation_views

app_name = "orders"
urlpatterns = [
    path("", views.orders, name="list"),
    path("shipstation/", shipstation_views.show, name="shipstation"),
    path("shipstation/store/", shipstation_views.make_store, name="shipstation_store"),
    path("shipstation/keys/", shipstation_views.keys, name="shipstation_keys"),
    path("shipstation/remove/<slug:what>/", shipstation_views.remove, name="shipstation_remove"),
    path("<int:order_id>/", views.order, name="order"),
    path("<int:order_id>/ship/", views.ship_by_hand, name="ship"),
    path("<int:order_id>/<slug:word>/", views.act, name="act"),
    path("<int:order_id>/parcels/<int:parcel_id>/<slug:word>/", views.act_on_parcel, name="act_on_parcel"),
]
