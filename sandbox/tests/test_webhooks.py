"""Standard Webhooks: the published vector, and what must not pass."""

import pytest

from sandbox import webhooks

SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


@pytest.mark.parametrize("secret", [SECRET, f"whsec_{SECRET}"])
def test_the_published_vector(secret):
    assert webhooks.signature(secret, ID, AT, BODY) == SIGNATURE


def test_a_right_signature_among_others_passes():
    headers = {**HEADERS, "webhook-signature": f"v1a,xyz v1,AAAA {SIGNATURE}"}
    assert webhooks.verify(SECRET, headers, BODY, now=AT + 299)


@pytest.mark.parametrize(
    ("headers", "body", "now"),
    [
        (HEADERS, b"{}", AT),
        (HEADERS, BODY, AT + 301),
        (HEADERS, BODY, AT - 301),
        ({**HEADERS, "webhook-timestamp": "soon"}, BODY, AT),
        ({**HEADERS, "webhook-id": "msg_other"}, BODY, AT),
        ({}, BODY, AT),
    ],
)
def test_what_does_not_fit_is_refused(headers, body, now):
    assert not webhooks.verify(SECRET, headers, body, now)
