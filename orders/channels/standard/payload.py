"""The bodies of channel `standard`, as types that refuse what cannot be an order."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LARGEST_AMOUNT = 10**12


def _text_from_number(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _empty_from_null(value: Any) -> Any:
    return "" if value is None else value


# PostgreSQL's text cannot hold a NUL.
NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
DayNumber = Annotated[
    str, BeforeValidator(_text_from_number), StringConstraints(min_length=1, max_length=12, pattern=NO_NUL)
]
Amount = Annotated[int, Field(strict=True, ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Text100 = Annotated[str, BeforeValidator(_empty_from_null), StringConstraints(max_length=100, pattern=NO_NUL)]
Text200 = Annotated[str, BeforeValidator(_empty_from_null), StringConstraints(max_length=200, pattern=NO_NUL)]
Text300 = Annotated[str, BeforeValidator(_empty_from_null), StringConstraints(max_length=300, pattern=NO_NUL)]
LongText = Annotated[
    str, BeforeValidator(_empty_from_null), StringConstraints(max_length=2_000, pattern=NO_NUL)
]


class Payload(BaseModel):
    """Unknown fields are ignored, so that platforms may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Option(Payload):
    """E.g. {"name": "sugar", "value": "30%"}."""

    name: Text100
    value: Text100


class Item(Payload):
    """One drink; `unit_price` in minor units."""

    sku: Annotated[
        str, BeforeValidator(_empty_from_null), StringConstraints(max_length=64, pattern=NO_NUL)
    ] = ""
    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NO_NUL)]
    quantity: Annotated[int, Field(strict=True, ge=1, le=999)]
    unit_price: Amount
    options: Annotated[tuple[Option, ...], Field(max_length=40)] = ()
    note: Text200 = ""


class Amounts(Payload):
    """Minor units of `currency` (ISO 4217)."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    goods: Amount
    delivery_fee: Amount = 0
    platform_subsidy: Amount = 0
    shop_subsidy: Amount = 0
    customer_paid: Amount
    shop_income: Amount = 0


class Campaign(Payload):
    """The give-away an order belongs to."""

    code: Id
    name: Text100 = ""


class Customer(Payload):
    """Coordinates in WGS-84 degrees."""

    name: Text100 = ""
    phone: Annotated[
        str, BeforeValidator(_empty_from_null), StringConstraints(max_length=40, pattern=NO_NUL)
    ] = ""
    address: Text300 = ""
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class OrderCreated(Payload):
    """`data` of `order.created`."""

    order_id: Id
    store_code: Id
    daily_number: DayNumber
    placed_at: AwareDatetime
    promised_at: AwareDatetime | None = None
    fulfilment: Literal["platform_courier", "store_courier", "pickup"]
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=100)]
    amounts: Amounts
    campaign: Campaign | None = None
    customer: Customer | None = None
    note: LongText = ""


class OrderCancelled(Payload):
    """`data` of `order.cancelled`."""

    order_id: Id
    store_code: Id
    reason: Text200 = ""
    by: Annotated[
        str, BeforeValidator(_empty_from_null), StringConstraints(max_length=40, pattern=NO_NUL)
    ] = ""


class OrderUrged(Payload):
    """`data` of `order.urged`."""

    order_id: Id
    store_code: Id


class Envelope(Payload):
    """What every message has around its `data`."""

    type: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.]{1,40}$")]
    timestamp: AwareDatetime


class Created(Envelope):
    """`order.created`: a new order."""

    data: OrderCreated


class Cancelled(Envelope):
    """`order.cancelled`: the platform or the guest called it off."""

    data: OrderCancelled


class UrgedOrder(Envelope):
    """`order.urged`: the guest asks where it is."""

    data: OrderUrged
