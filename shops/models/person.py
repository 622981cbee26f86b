"""A person who signs in, identified by e-mail address."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class People(BaseUserManager["Person"]):
    """Manager that creates people."""

    def create_user(self, email: str, password: str | None = None, **more: Any) -> Person:
        """Create a person. Without a password they can set one by e-mail."""
        person = self.model(email=self.normalize_email(email).lower(), **more)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **more: Any) -> Person:
        """Create an operator of this app."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **more)


class Person(AbstractUser):
    """Someone who signs in; memberships determine what they may see."""

    username = None  # type: ignore[assignment]
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[People] = People()  # type: ignore[assignment]

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.email
