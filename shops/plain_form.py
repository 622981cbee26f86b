"""A form whose labels end without a colon."""

from __future__ import annotations

from typing import Any

from django.forms.forms import BaseForm


class PlainForm(BaseForm):
    """A form whose labels end without a colon."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **more})
