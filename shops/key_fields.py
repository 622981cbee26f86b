"""Fields for keys that a seller types or pastes."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

#: Zero-width characters, direction marks, soft hyphens and byte-order marks.
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


class KeyField(forms.CharField):
    """A typed or pasted key, without invisible characters that copying adds."""

    def to_python(self, value: Any) -> str:
        """Return the key. Raise ValidationError for characters that no key has, such as typographic quotes."""
        text = _UNSEEN.sub("", super().to_python(value) or "").strip()
        if not (text.isascii() and text.isprintable()):
            raise ValidationError("It has characters that no key has. Please copy it again, without quotes around it.")
        return text


class SecretField(KeyField):
    """A secret, which is never shown again."""

    def __init__(self, **more: Any) -> None:
        super().__init__(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), strip=True, **more)
