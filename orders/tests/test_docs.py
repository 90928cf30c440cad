"""`docs/events.md` says what the feed says: every kind, every field, every frame."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings as configured

from orders.channels.registry import CALLS as CHANNEL_CALLS
from orders.intake_switch import set_intake
from orders.models import OrderEvent
from orders.queries import snapshot
from orders.states import KINDS
from orders.telling import CALLS
from orders.tests.factories import place_order
from stores.actors import Actor
from stores.levels import IntakeLevel
from stores.tests.factories import StoreChannelFactory

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/events.md").read_text()
OTHER_KINDS = {
    "order.placed", "order.undone", "order.dismissed", "order.urged", "order.delivery",
    "order.phone_revealed", "order.asked", "order.answered", "order.postponed", "order.moved",
    "order.moved_in", "order.filled", "order.conflict", "intake.changed",
}  # fmt: skip


def section(title):
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def names(text):
    return set(re.findall(r"`([a-z_]+)`", text))


def kinds_in_the_sources():
    """Every event kind written down anywhere in the product's own code."""
    sources = [*(ROOT / "orders").rglob("*.py"), *(ROOT / "couriers").rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources if "tests" not in path.parts)
    heard = {kind for calls in CHANNEL_CALLS.values() for kind in calls.hears}
    calls_and_pushes = {*CALLS.values(), *heard, "order.urged", "order.created"}
    other_names = calls_and_pushes | set(configured.OUTBOX_HANDLERS)
    return set(re.findall(r'"((?:order|intake)\.[a-z_]+)"', text)) - other_names | {"order.urged"}


def test_every_event_kind_is_documented_and_no_other():
    documented = set(re.findall(r"^\| `((?:order|intake)\.[a-z_]+)` \|", section("Events"), re.MULTILINE))
    assert documented == set(KINDS.values()) | OTHER_KINDS
    assert kinds_in_the_sources() - set(KINDS.values()) == OTHER_KINDS


@pytest.mark.django_db
def test_card_intake_and_frames_have_the_documented_fields(now):
    channel = StoreChannelFactory()
    place_order(channel, now=now)
    set_intake(store_id=channel.store_id, level=IntakeLevel.PAUSED, reason="", actor=Actor("Lin"), now=now)
    whole = snapshot(channel.store, now=now)
    card, line, intake = whole["cards"][0], whole["cards"][0]["lines"][0], whole["intake"]

    assert set(card) <= names(section("Card"))
    assert set(line) | set(card["customer"]) | set(card["campaign"]) <= names(section("Card"))
    assert set(intake) | set(intake["channels"][0]) <= names(section("Intake"))
    assert set(whole) - {"type"} <= names(section("Frames"))
    for event in OrderEvent.objects.all():
        assert set(json.loads(event.body)) <= set(
            re.findall(r'"([a-z]+)"', section("Events").split("\n\n")[0])
        )


def test_every_setting_is_in_the_readme_and_the_example():
    settings = (ROOT / "merchant_portal/settings.py").read_text()
    health = (ROOT / "merchant_portal/health.py").read_text()
    used = set(re.findall(r'env\.?\w*\(\s*"([A-Z_]+)"', settings + health))
    assert len(used) > 10
    readme, example = (ROOT / "README.md").read_text(), (ROOT / ".env.example").read_text()
    assert {name for name in used if f"`{name}`" not in readme} == set()
    assert {name for name in used if name not in example} == set()
