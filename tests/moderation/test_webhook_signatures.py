from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import SignatureRefused
from moderation.webhook_signatures import new_secret, sign, signed_headers, verify

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"type":"alarm_opened"}'


def headers(**changed: str | None) -> dict[str, str]:
    known = {**signed_headers([SECRET], "evt_1", NOW, BODY)}
    named = {f"webhook-{name}": text for name, text in changed.items()}
    return {name: text for name, text in {**known, **named}.items() if text is not None}


def test_a_signature_is_the_one_that_the_format_prescribes() -> None:
    # The example that libraries for the format are tested with.
    at = datetime.fromtimestamp(1614265330, UTC)
    assert sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}'
    ) == ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def test_what_was_signed_is_accepted_and_so_is_the_secret_before() -> None:
    verify(SECRET, headers(), BODY, now=NOW)
    both = signed_headers([new_secret(), SECRET], "evt_1", NOW, BODY)
    verify(SECRET, both, BODY, now=NOW + timedelta(minutes=4))


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": None},
        {"signature": ""},
        {"id": None},
        {"timestamp": None},
        {"timestamp": "soon"},
        {"timestamp": "9" * 30},
        {"id": "evt_2"},
        {"signature": headers()["webhook-signature"][:-4]},
        {"signature": headers()["webhook-signature"].replace("v1,", "v1a,")},
        {"signature": headers()["webhook-signature"].removeprefix("v1,")},
        {"signature": sign(new_secret(), "evt_1", NOW, BODY)},
        {"signature": "é"},
    ],
    ids=str,
)
def test_a_bad_missing_truncated_or_otherwise_made_signature_is_refused(changed: dict[str, str | None]) -> None:
    """Regression 3."""
    with pytest.raises(SignatureRefused):
        verify(SECRET, headers(**changed), BODY, now=NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_recording_is_refused(minutes: int) -> None:
    with pytest.raises(SignatureRefused, match="five minutes"):
        verify(SECRET, headers(), BODY, now=NOW + timedelta(minutes=minutes))


@given(st.binary(max_size=40), st.integers(0, 39), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(body: bytes, place: int, change: int) -> None:
    signed = signed_headers([SECRET], "evt_1", NOW, body)
    verify(SECRET, signed, body, now=NOW)
    if place < len(body):
        other = bytearray(body)
        other[place] ^= change
        with pytest.raises(SignatureRefused):
            verify(SECRET, signed, bytes(other), now=NOW)
