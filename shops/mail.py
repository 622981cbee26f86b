"""Mail to the people of a shop."""

from __future__ import annotations

import logging

from django.core.mail import send_mail

from shops.models import Membership

logger = logging.getLogger(__name__)


def to_owners(shop_id: int, subject: str, text: str) -> bool:
    """Mail the shop's owners; False when the mail could not be handed on, and is to be tried again."""
    owners = Membership.objects.filter(shop=shop_id, role=Membership.Role.OWNER)
    line = " ".join(subject.split())  # a title may hold a line break, which no header may
    try:
        send_mail(line, text, None, list(owners.values_list("person__email", flat=True)))
    except OSError as error:  # all of smtplib's errors are such
        logger.warning("A mail to the owners of shop %s could not be sent: %s", shop_id, error)
        return False
    return True
