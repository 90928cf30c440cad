"""The card at the door for riders' phones, and the counter's page with its code to print."""

import hashlib
from typing import Any, cast

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_http_methods, require_safe

from couriers.door.asking import WINDOW, address_of, count_miss, may_ask, may_miss
from couriers.door.reading import FRESH, Door, door_of, is_kept
from couriers.door.services import door_for, renew_door, save_door
from stores.models import Store

MOST_TYPED = 12


class DoorForm(forms.Form):
    """What the counter says to riders."""

    instructions = forms.CharField(label=gettext_lazy("Where riders wait"), max_length=300, required=False)
    open = forms.BooleanField(label=gettext_lazy("Shown to riders"), required=False)


@require_safe
def card(request: HttpRequest, token: str) -> HttpResponse:
    """The card, and with ?code= where the bag of a code or number is.

    The same for everybody, so anybody may keep it a while. Whoever makes up addresses of cards is soon held
    up, but for cards that others look at.
    """
    address, minute = address_of(request), int(timezone.now().timestamp()) // WINDOW
    if not may_miss(address, minute=minute) and not is_kept(token):
        return _held_up(request)
    door = door_of(token)
    if door is None:
        count_miss(address, minute=minute)
        raise Http404
    typed = request.GET.get("code", "").strip()[:MOST_TYPED]
    if typed and not may_ask(door.store_id, address, minute=minute):
        return _answer(request, door, {"typed": typed, "too_many": True}, status=429)
    return _answer(request, door, {"typed": typed, "bags": door.bags.get(typed, ())})


def _held_up(request: HttpRequest) -> HttpResponse:
    """In plain words, for as a rule nobody reads them."""
    with translation.override(_language_of(request)):
        words = _("Too many cards were asked for from here that do not exist. Try again in a minute.")
    headers = {"Retry-After": str(WINDOW), "Cache-Control": "no-store"}
    return HttpResponse(words, status=429, content_type="text/plain; charset=utf-8", headers=headers)


def _answer(request: HttpRequest, door: Door, found: dict[str, Any], status: int = 200) -> HttpResponse:
    language = _language_of(request)
    with translation.override(language):
        page = render_to_string("couriers/door/card.html", {"door": door, **found})
    response: HttpResponse = HttpResponse(page, status=status)
    if status == 200:
        response["ETag"] = quote_etag(hashlib.sha256(page.encode()).hexdigest()[:32])
        response["Cache-Control"] = f"public, max-age={FRESH}"
        response = cast(
            HttpResponse, get_conditional_response(request, etag=response["ETag"], response=response)
        )
    else:
        response["Cache-Control"], response["Retry-After"] = "no-store", str(WINDOW)
    response["Content-Language"], response["X-Robots-Tag"] = language, "noindex"
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _language_of(request: HttpRequest) -> str:
    """The phone's language. No cookie counts: shared caches tell answers apart by this header alone."""
    for code, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def counter(request: HttpRequest, store_id: int) -> HttpResponse:
    """The code for the door, and what the card says to riders; a manager can give it a new address."""
    store = get_object_or_404(Store.objects.visible_to(request.user), pk=store_id)
    manages = Store.objects.managed_by(request.user).filter(pk=store.pk).exists()
    door = door_for(store)
    form = DoorForm(request.POST or None, initial={"instructions": door.instructions, "open": door.open})
    if request.method == "POST" and (manages or "renew" not in request.POST):
        if "renew" in request.POST:
            renew_door(store=store)
            messages.success(request, _("The card has a new address. Print the new code."))
            return redirect("rider-door", store_id=store.pk)
        if form.is_valid():
            said = form.cleaned_data
            save_door(store=store, instructions=said["instructions"], is_open=said["open"])
            messages.success(request, _("Saved. Riders see it within seconds."))
            return redirect("rider-door", store_id=store.pk)
    address = settings.PUBLIC_URL + reverse("rider-card", args=[door.token])
    shown = {"store": store, "door": door, "form": form, "manages": manages, "address": address}
    return render(request, "couriers/door/counter.html", {**shown, "code": _drawn(address)})


def _drawn(address: str) -> str:
    """The address as a code to scan, drawn as SVG; it lasts a few scratches."""
    drawing = segno.make(address, error="q").svg_inline(
        scale=8, border=2, dark="#000", light="#fff", omitsize=True, svgclass="door-code", lineclass=None
    )
    return mark_safe(drawing)  # noqa: S308  # made from our own address
