"""The levels of the intake switch (pure). Tiers between open and paused will be added here."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class IntakeLevel(TextChoices):
    """How much a store takes in. `PAUSED`: platforms are told to stop; what still leaks in is held."""

    OPEN = "open", _("Open")
    PAUSED = "paused", _("Paused")
