"""The bodies of channel `standard`, as types that refuse what cannot be an order.

Plain dictionaries: building and reading objects for each of them costs three times what checking them does.
What a platform may leave out or send as null is `NotRequired[… | None]`; unknown fields are ignored, so that
platforms may add some.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints
from typing_extensions import TypedDict  # pydantic reads the one of `typing` only from Python 3.12 on

LARGEST_AMOUNT = 10**12


def _text_from_number(value: Any) -> Any:
    return str(value) if type(value) is int else value


# PostgreSQL's text cannot hold a NUL.
NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
DayNumber = Annotated[
    str, BeforeValidator(_text_from_number), StringConstraints(min_length=1, max_length=12, pattern=NO_NUL)
]
# Outside these years a moment is a mistake, and some of them no database can hold in UTC.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
Moment = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
Amount = Annotated[int, Field(strict=True, ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Text40 = Annotated[str, StringConstraints(max_length=40, pattern=NO_NUL)]
Text64 = Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)]
Text100 = Annotated[str, StringConstraints(max_length=100, pattern=NO_NUL)]
Text200 = Annotated[str, StringConstraints(max_length=200, pattern=NO_NUL)]
Text300 = Annotated[str, StringConstraints(max_length=300, pattern=NO_NUL)]
LongText = Annotated[str, StringConstraints(max_length=2_000, pattern=NO_NUL)]


class Option(TypedDict):
    """E.g. {"name": "sugar", "value": "30%"}."""

    name: Text100 | None
    value: Text100 | None


class Item(TypedDict):
    """One drink; `unit_price` in minor units."""

    sku: NotRequired[Text64 | None]
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_NUL)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=999)]
    unit_price: Amount
    options: NotRequired[Annotated[list[Option], Field(max_length=40)]]
    note: NotRequired[Text200 | None]


class Amounts(TypedDict):
    """Minor units of `currency` (ISO 4217)."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    goods: Amount
    delivery_fee: NotRequired[Amount]
    platform_subsidy: NotRequired[Amount]
    shop_subsidy: NotRequired[Amount]
    customer_paid: Amount
    shop_income: NotRequired[Amount]


class Campaign(TypedDict):
    """The give-away an order belongs to."""

    code: Id
    name: NotRequired[Text100 | None]


class Customer(TypedDict):
    """Coordinates in WGS-84 degrees."""

    name: NotRequired[Text100 | None]
    phone: NotRequired[Text40 | None]
    address: NotRequired[Text300 | None]
    latitude: NotRequired[Annotated[float, Field(ge=-90, le=90)] | None]
    longitude: NotRequired[Annotated[float, Field(ge=-180, le=180)] | None]


class OrderCreated(TypedDict):
    """`data` of `order.created`."""

    order_id: Id
    store_code: Id
    daily_number: DayNumber
    placed_at: Moment
    promised_at: NotRequired[Moment | None]
    fulfilment: Literal["platform_courier", "store_courier", "pickup"]
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    amounts: Amounts
    campaign: NotRequired[Campaign | None]
    customer: NotRequired[Customer | None]
    note: NotRequired[LongText | None]


class OrderCancelled(TypedDict):
    """`data` of `order.cancelled`."""

    order_id: Id
    store_code: Id
    reason: NotRequired[Text200 | None]
    by: NotRequired[Text40 | None]


class OrderUrged(TypedDict):
    """`data` of `order.urged`."""

    order_id: Id
    store_code: Id


class Envelope(TypedDict):
    """What every message has around its `data`."""

    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,40}$")]
    timestamp: Moment


class Created(Envelope):
    """`order.created`: a new order."""

    data: OrderCreated


class Cancelled(Envelope):
    """`order.cancelled`: the platform or the guest called it off."""

    data: OrderCancelled


class UrgedOrder(Envelope):
    """`order.urged`: the guest asks where it is."""

    data: OrderUrged
