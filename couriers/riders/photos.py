"""Photos from riders' phones: what is taken, and what is left out of it (pure but for forgetting).

JPEG is ISO/IEC 10918-1; its segments APP1…APP15 and COM carry what says where and with what it was taken.
"""

from __future__ import annotations

from collections.abc import Iterator

LARGEST = 1_500_000  # bytes
START, END = b"\xff\xd8", b"\xff\xd9"
SCAN = 0xDA
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
TALKATIVE = frozenset({*range(0xE1, 0xF0), 0xFE})
LONGEST_SIDE = 4_096


class BadPhoto(ValueError):
    """This is no JPEG that could be shown."""


def cleaned(content: bytes) -> bytes:
    """The JPEG without its metadata. Raises BadPhoto for what is no JPEG, or a very large picture."""
    if len(content) > LARGEST or not content.startswith(START) or END not in content[-64:]:
        raise BadPhoto
    kept, sized = [START], False
    for marker, segment in _segments(content):
        if marker in FRAMES:
            sized = _sides(segment) <= {*range(1, LONGEST_SIDE + 1)}
        if marker not in TALKATIVE:
            kept.append(segment)
    if not sized:
        raise BadPhoto
    return b"".join(kept)


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of each segment; the scan, to the end of the picture, is one. Raises BadPhoto."""
    at = len(START)
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            raise BadPhoto
        marker = content[at + 1]
        if marker == SCAN:
            yield marker, content[at:]
            return
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if length < 4 or at + length > len(content):
            raise BadPhoto
        yield marker, content[at : at + length]
        at += length
    raise BadPhoto


def _sides(frame: bytes) -> set[int]:
    """Height and width in pixels, as the frame's header states them."""
    return {int.from_bytes(frame[5:7], "big"), int.from_bytes(frame[7:9], "big")}
