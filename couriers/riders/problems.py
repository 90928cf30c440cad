"""What can go wrong on the road, and what the card at the counter says of it (stored in English)."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


class Problem(TextChoices):
    """The codes a phone sends, with the words the rider chooses from."""

    ABSENT = "absent", _("Nobody opens")
    ADDRESS = "address", _("The address is wrong")
    REFUSED = "refused", _("The guest does not want it")
    DAMAGED = "damaged", _("Spilled or damaged")
    MISSING = "missing", _("The bag is not on the shelf")
    BREAKDOWN = "breakdown", _("I cannot go on")
    OTHER = "other", _("Something else")


CARD_WORDS = {
    Problem.ABSENT: gettext_noop("The rider says: nobody opens."),
    Problem.ADDRESS: gettext_noop("The rider says: the address is wrong."),
    Problem.REFUSED: gettext_noop("The rider says: the guest does not want it."),
    Problem.DAMAGED: gettext_noop("The rider says: spilled or damaged."),
    Problem.MISSING: gettext_noop("The rider says: the bag is not on the shelf."),
    Problem.BREAKDOWN: gettext_noop("The rider says: I cannot go on."),
    Problem.OTHER: gettext_noop("The rider reports a problem."),
}
