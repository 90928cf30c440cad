"""Who could carry a bag, the best first: the policy's choice, with prices raced for where they decide."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from couriers.drafts import drafts_for, question_of
from couriers.models import CarrierSearch, CourierAccount, CourierStore, HandOff
from couriers.policy.choosing import COURIER, RIDER, Candidate, Ranked, choose, wants_quotes
from couriers.policy.document import Policy
from couriers.policy.measures import key_of
from couriers.policy.situations import candidates_of, situation_of
from couriers.quotes import Answer, Question, race
from couriers.riders.loads import joinings
from outbox.calling import Refused


@dataclass(frozen=True, slots=True)
class Field:
    """Everybody who may be asked about a bag, in their turn.

    `drafts` are the hand-offs prices were asked for, by carrier: a price is good only for its own number.
    """

    policy: Policy
    ranked: list[Ranked]
    candidates: Mapping[str, Candidate]
    answers: Mapping[str, Answer]
    drafts: Mapping[str, HandOff]


def field_of(
    search: CarrierSearch,
    policy: Policy,
    *,
    now: datetime,
    excluded: Collection[str],
    always_ask: bool = False,
) -> Field:
    """Choose for one bag; couriers are asked for a price if that decides, or `always_ask`."""
    order = search.order
    situation = situation_of(order, policy, now)
    candidates = {one.key: one for one in candidates_of(order.store, now)}
    candidates |= _with_runs(search, policy, candidates.values(), excluded, now)
    answers: dict[str, Answer] = {}
    drafts: dict[str, HandOff] = {}
    if always_ask or wants_quotes(policy, situation, candidates.values(), excluded):
        couriers = [key for key, one in candidates.items() if one.kind == COURIER and key not in excluded]
        answers, drafts = _race(search, couriers, now)
        candidates |= {key: replace(candidates[key], quote=answer.quote) for key, answer in answers.items()}
    ranked = choose(policy, situation, candidates.values(), excluded)
    return Field(policy, ranked, candidates, answers, drafts)


def ranking(
    search: CarrierSearch, policy: Policy, *, now: datetime, excluded: Collection[str]
) -> list[Ranked]:
    """Who may be asked about one bag, without asking anybody for a price."""
    candidates = candidates_of(search.order.store, now)
    return choose(policy, situation_of(search.order, policy, now), candidates, excluded)


def _with_runs(
    search: CarrierSearch,
    policy: Policy,
    candidates: Iterable[Candidate],
    excluded: Collection[str],
    now: datetime,
) -> dict[str, Candidate]:
    """The own riders who may be asked, with how well the bag goes with what they have in hand.

    None while nobody has anything.
    """
    riders = [one for one in candidates if one.kind == RIDER and one.free and one.live < policy.own_most]
    asked = {one.key: one for one in riders if one.key not in excluded}
    if not any(one.live for one in asked.values()):
        return {}
    found = joinings(search, asked, room=policy.cups_per_rider, now=now)
    return {key: replace(one, joining=found[key]) for key, one in asked.items()}


def _race(
    search: CarrierSearch, keys: Collection[str], now: datetime
) -> tuple[dict[str, Answer], dict[str, HandOff]]:
    accounts = list(CourierAccount.objects.filter(pk__in=[int(key.partition(":")[2]) for key in keys]))
    shops = CourierStore.objects.filter(store=search.store_id, account__in=accounts)
    numbers = dict(shops.values_list("account", "shop_no"))
    questions: list[Question] = []
    answers: dict[str, Answer] = {}
    drafts: dict[str, HandOff] = {}
    for account, draft in zip(accounts, drafts_for(search, accounts, now=now), strict=True):
        key = key_of(account.pk, None)
        drafts[key] = draft
        try:
            questions.append(question_of(key, draft, shop_no=numbers.get(account.pk)))
        except Refused as refusal:
            answers[key] = Answer(None, str(refusal))
    return answers | race(questions), drafts
