"""The page of a store's policy: looked at, tried and saved by those who manage the store."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from couriers.models import CarrierPolicy
from couriers.policy import editing, page
from couriers.policy.document import BadDocument, Policy, write
from couriers.policy.editing import Editor
from couriers.policy.queries import understood
from couriers.policy.services import PolicyChanged, save_policy
from couriers.policy.trying import try_on
from couriers.policy.words import decimals
from orders.requests import actor_of, managed_stores
from stores.models import Store

TEMPLATE = "couriers/policy/page.html"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def carriers(request: HttpRequest, store_id: int) -> HttpResponse:
    """The page; 404 for whoever does not manage the store."""
    store = get_object_or_404(managed_stores(request).select_related("franchise"), pk=store_id)
    return _Desk(request, store).answer()


class _Desk:
    """One request for the page of one store."""

    def __init__(self, request: HttpRequest, store: Store) -> None:
        self.request, self.store, self.now = request, store, timezone.now()
        self.row = CarrierPolicy.objects.filter(store=store).first()
        self.currency = page.currency_of(store)
        self.digits = decimals(self.currency)
        self.names = page.names_of(store)
        self.day = page.yesterday(store, self.now)

    def answer(self) -> HttpResponse:
        if self.request.method != "POST":
            return self.show(self.as_saved())
        what = self.request.POST.get("do", "try")
        if what == "save":
            return self.save()
        return self.attempt() if what == "try" else self.rearrange(what)

    def as_saved(self) -> Editor:
        policy = understood(self.row) if self.row else Policy()
        return editing.of_policy(policy, self.carriers(policy), self.digits)

    def carriers(self, policy: Policy) -> dict[str, str]:
        """Those to choose from, and those the policy names although they no longer serve the store."""
        named = [
            key
            for choice in (*(rule.choose for rule in policy.rules), policy.otherwise)
            for key in choice.named
        ]
        gone = [key for key in dict.fromkeys(named) if key not in self.names]
        every = page.all_names(self.store) if gone else {}
        return {**self.names, **{key: every[key] for key in gone if key in every}}

    def typed(self, data: QueryDict, *, checked: bool) -> Editor:
        saved = self.carriers(understood(self.row)) if self.row else self.names
        return editing.posted(data, saved, self.digits, checked=checked)

    def show(self, editor: Editor, status: int = 200, **more: Any) -> HttpResponse:
        shown = page.context(self.store, editor, self.row, day=self.day, now=self.now, currency=self.currency)
        typed = self.request.method == "POST"
        stores = managed_stores(self.request).order_by("name")[:200]
        return render(
            self.request, TEMPLATE, {**shown, "stores": stores, "typed": typed, **more}, status=status
        )

    def rearrange(self, what: str) -> HttpResponse:
        """Without scripts: rules are added, moved and removed here, and nothing is checked or saved."""
        self.read_day()
        data = editing.rearranged(self.request.POST, what)
        return self.show(self.typed(data, checked=False), **self.seen())

    def attempt(self) -> HttpResponse:
        """Run what was typed over a day that is known."""
        editor = self.typed(self.request.POST, checked=True)
        policy, mistake = editor.read(), self.read_day()
        if policy is None or mistake:
            return self.show(editor, 400, day_mistake=mistake, **self.seen())
        found = try_on(self.store, policy, day=self.day, now=self.now)
        return self.show(editor, tried=page.trial(found), **self.seen())

    def save(self) -> HttpResponse:
        """Save what was typed, unless somebody else saved since the page was loaded."""
        editor = self.typed(self.request.POST, checked=True)
        self.read_day()
        policy = editor.read()
        if policy is None:
            return self.show(editor, 400, **self.seen())
        try:
            row = save_policy(
                store=self.store,
                document=write(policy),
                actor=actor_of(self.request),
                now=self.now,
                expected_version=self.version(),
            )
        except BadDocument as error:
            editor.blame(error.mistakes)
            return self.show(editor, 400, **self.seen())
        except PolicyChanged as error:
            over = page.overtaken(self.store, error.latest, self.version(), self.currency)
            return self.show(editor, 409, overtaken=over, version=error.latest.version)
        self.tell(row)
        return redirect("carrier-policy", store_id=self.store.pk)

    def tell(self, row: CarrierPolicy) -> None:
        if row.version != self.version():
            messages.success(self.request, _("Saved. It holds for every order that is ready from now on."))
        else:
            messages.info(self.request, _("Nothing was changed, so nothing was saved."))

    def seen(self) -> dict[str, Any]:
        """The version the page was loaded with: it stays until it is saved."""
        return {"version": self.version()}

    def version(self) -> int:
        text = self.request.POST.get("version", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def read_day(self) -> str:
        """Take the day to try from the form; what is wrong with it in words, or ""."""
        text = self.request.POST.get("day", "")
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return _("“%(text)s” is not a day, as 2026-02-05.") % {"text": text[:40]}
        if day > self.today() or day.year < 2000:
            return _("There are no orders of this day.")
        self.day = day
        return ""

    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.store.timezone)).date()
