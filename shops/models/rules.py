"""Rules for groups of products: which ones are listed on Reverb, and what their listings say."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop


class Group(models.TextChoices):
    """What products are grouped by. The store's own terms are compared, ignoring case."""

    TAG = "tag", "Tag"
    COLLECTION = "collection", "Collection or category"
    PRODUCT_TYPE = "product_type", "Product type"
    VENDOR = "vendor", "Vendor or brand"


class SelectionRule(models.Model):
    """Products of this group are listed on Reverb, if not all are."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="selection_rules")
    by = models.CharField(max_length=12, choices=Group.choices)
    value = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "by", "value"], name="one_selection_rule_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.get_by_display()}: {self.value}"


class MappingRule(models.Model):
    """Sets a field of this group's listings; the first matching rule of a field wins."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="mapping_rules")
    by = models.CharField(max_length=12, choices=Group.choices)
    value = models.CharField(max_length=255)
    field = models.CharField(max_length=20)
    #: A text, or an id of one of Reverb's lists.
    says = models.CharField(max_length=255)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["shop", "by", "value", "field"], name="one_rule_per_group_and_field"),
        ]

    def __str__(self) -> str:
        return f"{self.get_by_display()} {self.value}: {self.field}"
