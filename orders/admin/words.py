"""Words of the message inspector: names of fields and contents, what proves a message, what to check."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from orders.channels.incoming import (
    Asked,
    Carried,
    Noted,
    Placed,
    Standing,
    StoreStatus,
    Unknown,
    Urged,
)
from stores.channels import Channel

CONTENTS: Mapping[type, Promise] = {
    Placed: _("New order"),
    Standing: _("State at the platform"),
    Urged: _("The guest asks where the order is"),
    Asked: _("The guest wants to cancel, or money back"),
    Carried: _("The platform's own delivery"),
    StoreStatus: _("Whether the store takes orders there"),
    Noted: _("Understood, nothing to do"),
    Unknown: _("Of a kind that is not understood"),
}

FIELDS: Mapping[str, Promise] = {
    "kind": _("kind"),
    "external_id": _("order number at the platform"),
    "store_code": _("store code at the platform"),
    "store_name": _("the platform's name for the store"),
    "content_hash": _("hash of the content"),
    "daily_number": _("daily number"),
    "placed_at": _("placed at"),
    "promised_at": _("promised at"),
    "fulfilment": _("fulfilment"),
    "campaign_code": _("campaign code"),
    "campaign_name": _("campaign"),
    "customer_name": _("customer"),
    "phone": _("phone, masked"),
    "address": _("address"),
    "latitude": _("latitude"),
    "longitude": _("longitude"),
    "note": _("note"),
    "complete": _("complete"),
    "first_hand": _("first hand"),
    "currency": _("currency"),
    "goods": _("goods"),
    "delivery_fee": _("delivery fee"),
    "platform_subsidy": _("platform subsidy"),
    "shop_subsidy": _("shop subsidy"),
    "customer_paid": _("customer paid"),
    "shop_income": _("shop income"),
    "state": _("state"),
    "at": _("at"),
    "reason": _("reason"),
    "by": _("by"),
    "ref": _("number of the request"),
    "about": _("about"),
    "step": _("step"),
    "whole": _("the whole order"),
    "amount": _("amount"),
    "progress": _("progress"),
    "rider_name": _("rider"),
    "rider_phone": _("phone of the rider, masked"),
    "level": _("level"),
    "ask": _("may be about orders"),
}

RULES: Mapping[str, Promise] = {
    Channel.STANDARD: _("Standard Webhooks: HMAC-SHA256 over the id, the time and the body"),
    Channel.ELEME: _("Ele.me: MD5 over the values of the envelope as they are written, and the secret"),
    Channel.MEITUAN: _("Meituan: MD5 over our registered address, the sorted parameters and the secret"),
}

ADVICE: Mapping[int, Promise] = {
    400: _(
        "The sender speaks another form than this channel. Compare the body with the channel's description: "
        "is the account of the right channel, and did a proxy on the way change the body?"
    ),
    401: _(
        "The signature does not fit. Check that the secret here is the one at the platform (both, during a "
        "rotation), that our id is the app's, that this machine's clock is right, and that the address "
        "registered at the platform is exactly the one on the account's page."
    ),
    404: _("The platform pushes to an address we do not have: register the ones on the account's page."),
    405: _("The request has another method than this channel uses: is it a browser or a monitor that asks?"),
    408: _("The body did not arrive in time: look for a proxy that waits, or a bad line to the platform."),
    413: _("The message is larger than any order: something else is being sent to this address."),
}
OTHER_ADVICE = _("The platform will send it again. If it keeps being refused, compare reason and body.")
