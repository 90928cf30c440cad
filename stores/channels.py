"""The platforms orders come from (pure); each has a package in `orders/channels/`."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    """Stored on a channel account and shown on every card."""

    STANDARD = "standard", _("Standard webhook")
    ELEME = "eleme", _("Ele.me / Taobao Instant Commerce")
    MEITUAN = "meituan", _("Meituan Waimai")
