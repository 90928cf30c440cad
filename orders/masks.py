"""What is shown of a phone number (pure)."""

import re

NUMBER_AND_EXTENSION = re.compile(r"[,_，转#]|ext", re.IGNORECASE)


def mask(phone: str) -> str:
    """Leave the last four digits: "138 1234 5678" becomes "····5678".

    A privacy number's extension stays hidden, and marked: "13812345678_2041" becomes "····5678 …".
    """
    number, *extension = NUMBER_AND_EXTENSION.split(phone, maxsplit=1)
    digits = re.sub(r"\D", "", number)
    if not digits:
        return ""
    return f"····{digits[-4:]}{' …' if extension else ''}"
