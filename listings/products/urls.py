"""URLs of products, rules and imports, below a shop."""

from __future__ import annotations

from django.urls import path

from listings.products import product_views, rule_views, views

app_name = "listings"
urlpatterns = [
    path("import/", views.show_import, name="import"),
    path("import/missing/<slug:word>/", views.settle_missing, name="settle_missing"),
    path("import/unread/try-again/", views.read_again, name="read_again"),
    path("import/<slug:kind>/<slug:word>/", views.act_on_crawl, name="act_on_crawl"),
    path("", views.products, name="products"),
    path("counts/", views.counts, name="counts"),
    path("rules/", rule_views.show, name="rules"),
    path("rules/says/", rule_views.says, name="says"),
    path("rules/in-line/", rule_views.bring_in_line, name="bring_in_line"),
    path("rules/<slug:section>/", rule_views.save, name="save_rules"),
    path("rules/<slug:section>/<int:rule_id>/remove/", rule_views.remove, name="remove_rule"),
    path("<int:product_id>/", product_views.product, name="product"),
    path("<int:product_id>/switch/<slug:word>/", product_views.switch, name="switch"),
    path("<int:product_id>/relist-as-new/", product_views.relist_as_new, name="relist_as_new"),
    path("<int:product_id>/look-again/", views.look_again, name="look_again"),
]
