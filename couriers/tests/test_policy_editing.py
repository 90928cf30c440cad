"""The form of a policy: whatever is shown and sent back unchanged is the same policy; none is too large."""

from datetime import time

from django.conf import settings as site
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from couriers.policy.document import MOST_CARRIERS, MOST_RULES, RIDERS, By, Choice, Policy, Rule, When
from couriers.policy.editing import Editor, of_policy, posted
from couriers.tests.policies import POLICIES
from stores.channels import Channel

CARRIERS = {RIDERS: "Own riders", **{f"courier:{n}": f"Courier {n}" for n in range(1, 5)}}


def sent(editor: Editor) -> QueryDict:
    """What a browser sends of the form as it was shown."""
    data = QueryDict(mutable=True)
    data.setlist("rule", [rule.prefix for rule in editor.rules])
    for form in editor.parts:
        for name in form.fields:
            value = form[name].value()
            values = value if isinstance(value, list | tuple) else [value]
            data.setlist(
                form.add_prefix(name), [_text(one) for one in values if one is not None and one is not False]
            )
        for row in getattr(form, "rows", ()):
            data.appendlist(form.add_prefix("order"), row.key)
            data[form.add_prefix(f"part-{row.key}")] = row.part
            if row.chosen:
                data.appendlist(form.add_prefix("carriers"), row.key)
    return data


def _text(value: object) -> str:
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "on" if value is True else str(value)


def test_the_largest_form_is_not_too_large_to_be_sent() -> None:
    carriers = {f"courier:{number}": "" for number in range(1, MOST_CARRIERS + 1)}
    when = When(tuple(range(7)), time(1), time(2), *(1,) * 8, tuple(Channel.values))
    rule = Rule("Everything", when, Choice(By.ORDER, tuple(carriers)))
    data = sent(of_policy(Policy(rules=(rule,) * MOST_RULES, otherwise=rule.choose), carriers, 2))
    fields = sum(len(values) for _name, values in data.lists())
    assert fields < site.DATA_UPLOAD_MAX_NUMBER_FIELDS - 10  # token, version, day, button …


@settings(max_examples=15, deadline=None)
@given(POLICIES, st.sampled_from([0, 2]))
def test_what_is_shown_is_read_as_the_same_policy(policy: Policy, digits: int) -> None:
    data = sent(of_policy(policy, CARRIERS, digits))
    editor = posted(data, CARRIERS, digits, checked=True)
    assert (editor.read(), editor.mistakes) == (policy, [])
