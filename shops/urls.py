"""URLs of the shops app."""

from __future__ import annotations

from django.urls import path

from shops import connection_views, views
from shops.connect import reverb_oauth
from shops.connect import views as connect_views

app_name = "shops"
urlpatterns = [
    path("", views.index, name="index"),
    path("shops/new/", views.new, name="new"),
    path("shops/<int:shop_id>/", views.overview, name="overview"),
    path("shops/<int:shop_id>/store/", connection_views.store, name="store"),
    path("shops/<int:shop_id>/store/with/<slug:kind>/", connection_views.store_with, name="store_with"),
    path("shops/<int:shop_id>/store/with/<slug:kind>/begin/", connect_views.begin, name="begin"),
    path("shops/<int:shop_id>/test/store/", connection_views.test, {"side": "store"}, name="test_store"),
    path("shops/<int:shop_id>/test/reverb/", connection_views.test, {"side": "reverb"}, name="test_reverb"),
    path("shops/<int:shop_id>/disconnect/<slug:side>/", connection_views.disconnect, name="disconnect"),
    path("shops/<int:shop_id>/reverb/begin/", reverb_oauth.begin, name="reverb_begin"),
    path("shops/<int:shop_id>/reverb/", connection_views.reverb, name="reverb"),
    path("shops/<int:shop_id>/settings/", views.settings, name="settings"),
]
