"""What the navigation of every page needs to know about the person and the place."""

from django import template

from stores.models import Store, User

register = template.Library()


@register.filter
def manages_stores(user: User) -> bool:
    """Whether the person has stores whose reports they may read."""
    return Store.objects.managed_by(user).exists()


@register.filter
def starts_with(path: str, prefix: str) -> bool:
    """Whether a page lies under an address, so that its link is marked as current."""
    return path.startswith(prefix)
