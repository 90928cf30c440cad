"""The couriers we can call: one module each, one line each in both lists."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from couriers.providers.base import Provider
from couriers.providers.dada import Dada
from couriers.providers.doordash import DoorDash
from couriers.providers.peisong import Peisong
from couriers.providers.uber import Uber


class Courier(TextChoices):
    """Stored on a courier account; the value is part of callback addresses."""

    DADA = "dada", _("Dada")
    PEISONG = "peisong", _("Meituan Peisong")
    UBER = "uber", _("Uber Direct")
    DOORDASH = "doordash", _("DoorDash Drive")


PROVIDERS: dict[str, Provider] = {
    Courier.DADA: Dada(),
    Courier.PEISONG: Peisong(),
    Courier.UBER: Uber(),
    Courier.DOORDASH: DoorDash(),
}
