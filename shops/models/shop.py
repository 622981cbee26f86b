"""A shop is a tenant: one seller's account here, joining one store to one Reverb account."""

from __future__ import annotations

from django.db import models

from shops.models.person import Person


class Shop(models.Model):
    """A tenant."""

    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    #: Settings or a connection changed: what waits for the seller deserves another look. The sweeper sees to it.
    recheck_requested = models.BooleanField(default=False)
    #: Its owner asked to delete it: nobody sees it any more, and what is stored of it goes in the background.
    deletion_requested_at = models.DateTimeField(null=True, blank=True)
    #: The account on Reverb that the known listings belong to: its id and name, as far as Reverb said so, and whether
    #: it is the sandbox's. Empty where none was connected yet.
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
