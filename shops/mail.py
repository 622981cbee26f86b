"""Mail to the people of a shop."""

from __future__ import annotations

import logging

from django.core.mail import send_mail

from shops.models import Membership

logger = logging.getLogger(__name__)


def to_owners(shop_id: int, subject: str, text: str) -> bool:
    """Mail the shop's owners; return False if the mail could not be handed to the mail server, for a retry."""
    owners = Membership.objects.filter(shop=shop_id, role=Membership.Role.OWNER)
    line = " ".join(subject.split())  # a title may contain a line break, which headers forbid
    try:
        send_mail(line, text, None, list(owners.values_list("person__email", flat=True)))
    except OSError as error:  # base class of all smtplib errors
        logger.warning("Could not send a mail to the owners of shop %s: %s", shop_id, error)
        return False
    return True
