"""What a channel account's secrets must look like (pure)."""

import base64
import binascii
from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64  # bytes, by the Standard Webhooks specification


def check_standard_secrets(secrets: Iterable[str]) -> None:
    """Raise ValidationError on the first that nobody could sign with, or if there is none.

    The message names its line, not the secret.
    """
    lines = list(secrets)
    if not lines:
        raise ValidationError(_("Give at least one secret."))
    for number, secret in enumerate(lines, start=1):
        if not _is_usable(secret):
            told = _("Secret %(number)s is not “whsec_” and the base64 of 24 to 64 bytes.")
            raise ValidationError(told, params={"number": number})


def _is_usable(secret: str) -> bool:
    if not secret.startswith(PREFIX):
        return False
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return False
    return SHORTEST <= len(key) <= LONGEST
