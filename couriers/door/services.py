"""What the counter does with the card at its door: say where riders wait, close it, give it a new address."""

from couriers.door.reading import forget
from couriers.models import RiderDoor, new_token
from stores.models import Store


def door_for(store: Store) -> RiderDoor:
    """The store's card; made when somebody first asks for it."""
    door, _ = RiderDoor.objects.get_or_create(store=store)
    return door


def save_door(*, store: Store, instructions: str, is_open: bool) -> None:
    """Change what it says and whether it is shown; the next rider who looks sees it."""
    door = door_for(store)
    RiderDoor.objects.filter(pk=door.pk).update(instructions=instructions, open=is_open)
    forget(door.token)


def renew_door(*, store: Store) -> None:
    """Give it a new address: printed codes and saved links of the old one lead nowhere."""
    door = door_for(store)
    RiderDoor.objects.filter(pk=door.pk).update(token=new_token())
    forget(door.token)
