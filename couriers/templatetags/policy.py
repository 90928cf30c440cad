"""What the templates of a policy's page cannot say themselves."""

from django import template
from django.forms import BoundField, Form

from couriers.policy import words

register = template.Library()


@register.filter
def ends(rule: Form, name: str) -> tuple[BoundField, BoundField]:
    """The two fields of a rule's range."""
    return rule[f"{name}_from"], rule[f"{name}_to"]


@register.filter
def kilometres(metres: int) -> str:
    """Metres as kilometres with one decimal."""
    return words.kilometres(round(metres, -2))
