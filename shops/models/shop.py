"""A shop is a tenant: one seller's account, which joins one store to one Reverb account."""

from __future__ import annotations

from django.db import models

from shops.models.person import Person


class Shop(models.Model):
    """A tenant."""

    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    #: Settings or a connection changed, so products that wait for the seller are rechecked by the sweeper.
    recheck_requested = models.BooleanField(default=False)
    #: Its owner requested deletion: it is hidden, and its data is deleted in the background.
    deletion_requested_at = models.DateTimeField(null=True, blank=True)
    #: The Reverb account of the linked listings: its id and name, as far as known, and whether it is the sandbox's.
    #: Empty if none was ever connected.
    reverb_account = models.JSONField(default=dict, blank=True)
    people: models.ManyToManyField[Person, Membership] = models.ManyToManyField(
        Person, through="Membership", related_name="shops"
    )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's role in a shop."""

    class Role(models.TextChoices):
        OWNER = "owner", "Owner"
        STAFF = "staff", "Staff"

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="memberships")
    person = models.ForeignKey(Person, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.OWNER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "person"], name="one_membership_per_person_and_shop")]

    def __str__(self) -> str:
        return f"{self.person} in {self.shop}"
