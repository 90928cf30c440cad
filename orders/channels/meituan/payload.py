"""The bodies of Meituan's messages, as types that refuse what cannot be one.

Source: the open platform's pages on pushed orders, cancellations, refunds, delivery and store states, as its
partners quote them field by field. Many fields come only if an app subscribed to them, so nearly all may be
missing; unknown ones are ignored. Texts are cut to what we keep where they are read: a long address is no
reason to lose an order.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict  # pydantic reads the one of `typing` only from Python 3.12 on

from orders.channels.incoming import Rejected

Type = TypeVar("Type")

ABSENT = (None, "", "null")
EMPTY: tuple[Any, ...] = (None, {})
MOST_ENTRIES = 200
LARGEST_YUAN = 10**9
LARGEST_FEN = 10**11
# Outside these years a moment is a mistake.
EARLIEST = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields that say something: absent ones come as nothing, or as the word for it."""
    return {name: value for name, value in fields.items() if value not in ABSENT}


def _document(value: Any) -> Any:
    """JSON within a text; what was JSON all along stays as it is."""
    return from_json(value, allow_inf_nan=False) if isinstance(value, str) else value


def _object(value: Any) -> Any:
    document = _document(value)
    return given(document) if isinstance(document, dict) else document


def _objects(value: Any) -> Any:
    """A list of objects; an empty object, in the list or instead of it, stands for none."""
    document = _document(value)
    entries = [document] if isinstance(document, dict) else document
    if not isinstance(entries, list):
        return entries
    return [given(entry) if isinstance(entry, dict) else entry for entry in entries if entry not in EMPTY]


Text = Annotated[str, Field(coerce_numbers_to_str=True)]
Id = Annotated[str, Field(coerce_numbers_to_str=True, pattern=r"^[0-9A-Za-z_-]{1,64}$")]
StoreCode = Annotated[str, Field(coerce_numbers_to_str=True, pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]
Moment = Annotated[int, Field(ge=EARLIEST, lt=LATEST)]
"""Unix seconds."""
MomentOrZero = Annotated[int, Field(ge=0, lt=LATEST)]
Yuan = Annotated[Decimal, Field(ge=-LARGEST_YUAN, le=LARGEST_YUAN)]
Fen = Annotated[int, Field(ge=-LARGEST_FEN, le=LARGEST_FEN)]
Degrees = Annotated[float, Field(allow_inf_nan=False)]


class Item(TypedDict):
    """One entry of `detail`. `food_property` is a list with commas: sugar, ice, toppings."""

    food_name: Annotated[Text, Field(min_length=1)]
    quantity: Annotated[int, Field(ge=1, le=999)]
    price: NotRequired[Yuan]
    box_num: NotRequired[Annotated[Decimal, Field(ge=0, le=9_999)]]
    box_price: NotRequired[Yuan]
    app_food_code: NotRequired[Text]
    sku_id: NotRequired[Text]
    food_property: NotRequired[Text]
    spec: NotRequired[Text]
    cart_id: NotRequired[Annotated[int, Field(ge=0, le=999)]]


class Extra(TypedDict):
    """One entry of `extras`: a reduction, and who bears it (if the app subscribed to that)."""

    reduce_fee: NotRequired[Yuan]
    mt_charge: NotRequired[Yuan]
    poi_charge: NotRequired[Yuan]
    type: NotRequired[Text]
    remark: NotRequired[Text]


class Charge(TypedDict):
    """A part of a reduction in `poi_receive_detail`."""

    moneyCent: NotRequired[Fen]


Charges = Annotated[list[Charge], BeforeValidator(_objects), Field(max_length=MOST_ENTRIES)]


class Receivable(TypedDict):
    """`poi_receive_detail`, in fen."""

    actOrderChargeByMt: NotRequired[Charges]
    actOrderChargeByPoi: NotRequired[Charges]
    wmPoiReceiveCent: NotRequired[Fen]


class ReceivableYuan(TypedDict):
    """`poi_receive_detail_yuan`, the same in yuan."""

    poiReceive: NotRequired[Yuan]


class Order(TypedDict):
    """A paid, confirmed or completed order, and what `order/getOrderDetail` returns."""

    order_id: Id
    app_poi_code: StoreCode
    ctime: Moment
    utime: NotRequired[MomentOrZero]
    status: NotRequired[Text]
    incmp_code: NotRequired[Text]
    day_seq: NotRequired[Text]
    wm_poi_name: NotRequired[Text]
    delivery_time: NotRequired[MomentOrZero]
    estimate_arrival_time: NotRequired[MomentOrZero]
    pick_type: NotRequired[Text]
    logistics_code: NotRequired[Text]
    recipient_name: NotRequired[Text]
    recipient_phone: NotRequired[Text]
    recipient_address: NotRequired[Text]
    latitude: NotRequired[Degrees]
    longitude: NotRequired[Degrees]
    caution: NotRequired[Text]
    total: NotRequired[Yuan]
    original_price: NotRequired[Yuan]
    shipping_fee: NotRequired[Yuan]
    detail: NotRequired[Annotated[list[Item], BeforeValidator(_objects), Field(max_length=MOST_ENTRIES)]]
    extras: NotRequired[Annotated[list[Extra], BeforeValidator(_objects), Field(max_length=MOST_ENTRIES)]]
    poi_receive_detail: NotRequired[Annotated[Receivable, BeforeValidator(_object)]]
    poi_receive_detail_yuan: NotRequired[Annotated[ReceivableYuan, BeforeValidator(_object)]]


class AboutOrder(TypedDict):
    """What every message about an order has; `timestamp` is when it was signed."""

    order_id: Id
    app_poi_code: NotRequired[StoreCode]
    timestamp: NotRequired[Moment]


class Step(AboutOrder):
    """A confirmed or completed order of which nothing else is told."""

    utime: NotRequired[MomentOrZero]


class Cancelled(AboutOrder):
    """The order is off; `deal_op_type` says by whom."""

    reason_code: NotRequired[Text]
    reason: NotRequired[Text]
    deal_op_type: NotRequired[Text]


class Refund(AboutOrder):
    """Where a wish to get money back stands; `status` instead of `notify_type` at stores with returns."""

    notify_type: NotRequired[Text]
    res_type: NotRequired[Text]
    status: NotRequired[Text]
    is_appeal: NotRequired[Text]
    service_type: NotRequired[Text]
    refund_id: NotRequired[Text]
    ctime: NotRequired[Moment]
    reason: NotRequired[Text]
    money: NotRequired[Yuan]
    food: NotRequired[Text]


class RefundResult(AboutOrder):
    """Whether the money went back."""

    refund_status: Text
    refund_id: NotRequired[Text]
    money: NotRequired[Yuan]
    ctime: NotRequired[Moment]
    utime: NotRequired[Moment]


class Logistics(AboutOrder):
    """Where Meituan's own delivery stands."""

    logistics_status: Text
    time: NotRequired[Moment]
    dispatcher_name: NotRequired[Text]
    dispatcher_mobile: NotRequired[Text]


class StoreState(TypedDict):
    """A store opened, closed, went online or offline."""

    app_poi_code: StoreCode
    poi_status: Text
    reason: NotRequired[Text]
    operate_time: NotRequired[Moment]


def checked(form: TypeAdapter[Type], fields: Mapping[str, Any]) -> Type:
    """`fields` as `form` wants them. Raises Rejected(400) saying what is wrong first."""
    try:
        return form.validate_python(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise Rejected(400, f"{place}: {fault['msg']}" if place else str(fault["msg"])) from error


def text(value: str, most: int) -> str:
    """At most `most` characters; databases hold no NUL."""
    return value.replace("\x00", "").strip()[:most]


def moment(seconds: int | None) -> datetime | None:
    """Unix seconds as an aware moment; 0, nothing and what can be no moment are none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds and EARLIEST <= seconds < LATEST else None


def fen(yuan: Decimal) -> int:
    """Yuan in minor units; half a fen rounds up.

    >>> fen(Decimal("0.02"))
    2
    """
    return int((yuan * 100).to_integral_value(ROUND_HALF_UP))
