"""What couriers outside China have in common (pure): telephone numbers in E.164, words for riders."""

import re
from collections.abc import Mapping

from django.utils.translation import gettext_noop

from couriers.providers.base import Errand
from couriers.providers.reading import credential
from outbox.calling import Refused

EXTENSION = re.compile(r"\s*(?:[,;#_]|ext\.?|x)\s*", re.IGNORECASE)
NOT_DIALLED = re.compile(r"[\s().\-/]")
DIALLED = re.compile(r"\+[1-9][0-9]{6,14}")


def e164(phone: str, credentials: Mapping[str, str]) -> str:
    """The number as the world dials it, without an extension; numbers without "+" are the store's country's.

    `calling_code` of the credentials is that country's ("+1"). Raises Refused for what cannot be dialled.

    >>> e164("(415) 555-0100", {"calling_code": "+1"}), e164("0044 20 7946 0018", {"calling_code": "+1"})
    ('+14155550100', '+442079460018')
    """
    number = NOT_DIALLED.sub("", EXTENSION.split(phone.strip(), maxsplit=1)[0])
    if number.startswith("00"):
        number = "+" + number[2:]
    if not number.startswith("+"):
        code = credential(credentials, "calling_code")
        national = number.lstrip("0")
        if code == "+1" and len(national) == 11:
            national = national.removeprefix("1")
        number = code + national
    if not DIALLED.fullmatch(number):
        raise Refused(gettext_noop("A phone number cannot be written the international way."))
    return number


def extension(phone: str) -> str:
    """What is dialled after a privacy number was reached; "" if it has none.

    >>> extension("+14155550100,4711")
    '4711'
    """
    parts = EXTENSION.split(phone.strip(), maxsplit=1)
    return parts[1] if len(parts) > 1 else ""


def at_the_store(errand: Errand) -> str:
    """What the rider reads at the counter."""
    words = [f"Order {errand.number}"]
    if errand.pickup_code:
        words.insert(0, f"Pick-up code {errand.pickup_code}")
    if errand.bags > 1:
        words.append(f"bag {errand.bag} of {errand.bags}")
    return ", ".join(words)


def at_the_door(errand: Errand) -> str:
    """What the rider reads at the guest's door."""
    more = extension(errand.receiver.phone)
    return ". ".join(filter(None, [errand.note, f"Phone extension {more}" if more else ""]))
