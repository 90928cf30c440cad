"""The platforms orders come from (pure); each has a package in `orders/channels/`."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    """Stored on a channel account and shown on every card."""

    STANDARD = "standard", _("Standard webhook")
    ELEME = "eleme", _("Ele.me / Taobao Instant Commerce")
    MEITUAN = "meituan", _("Meituan Waimai")


SHORT_NAMES = {Channel.ELEME.value: _("Ele.me"), Channel.MEITUAN.value: _("Meituan")}


def short_name(channel: str, account: str) -> str:
    """What people call a platform beside an order's number; one without such a name goes by the account.

    Daily numbers are a platform's: two bags on a shelf may have the same one.
    """
    return str(SHORT_NAMES.get(channel, account))
