"""What a seller says about groups of products: which ones go to Reverb, and what their listings say."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop


class Group(models.TextChoices):
    """By what products are grouped. The store's own words are compared, whatever their case."""

    TAG = "tag", "Tag"
    COLLECTION = "collection", "Collection or category"
    PRODUCT_TYPE = "product_type", "Product type"
    VENDOR = "vendor", "Vendor or brand"


class SelectionRule(models.Model):
    """Products of this group go to Reverb, where not all do."""

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
    """Listings of this group say this; the first rule that fits a field wins."""

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
