"""Signs what is sent to a webhook, and checks such a signature: the Standard Webhooks format (standardwebhooks.com).

The signature covers the id, the moment of sending and the body: `v1,` and the base64 of an HMAC-SHA256 with the secret
that stands behind `whsec_`.
"""

import hmac
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from moderation.errors import SignatureRefused

PREFIX = "whsec_"
VERSION = "v1"
SECRET_BYTES = 32
TOLERANCE = timedelta(minutes=5)
"""A message that was signed longer ago, or further ahead, may be somebody's recording."""


def new_secret() -> str:
    """A secret for one webhook, for our side and the receiver's."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, sent_at: datetime, body: bytes) -> str:
    """The signature of one message with one secret."""
    signed = b".".join([message_id.encode(), str(int(sent_at.timestamp())).encode(), body])
    return f"{VERSION},{b64encode(hmac.digest(_key(secret), signed, sha256)).decode()}"


def signed_headers(known_secrets: Sequence[str], message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The headers that go with a message, with a signature for each secret that is valid."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(sign(secret, message_id, sent_at, body) for secret in known_secrets),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Check a message on the receiver's side, without telling by the time it takes where a signature differs.

    Parameters
    ----------
    headers : names in lower case.
    body : the bytes as they came; what was parsed and written again is another text.

    Raises
    ------
    SignatureRefused
        A header is missing, the message is more than five minutes old or ahead, or no signature fits.
    """
    try:
        message_id, timestamp, given = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
    except KeyError as missing:
        raise SignatureRefused(f"the header {missing} is missing") from missing
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureRefused("webhook-timestamp is no number of seconds")
    sent_at = datetime.fromtimestamp(int(timestamp), now.tzinfo)
    if abs(now - sent_at) > TOLERANCE:
        raise SignatureRefused("the message was signed more than five minutes ago, or ahead")
    expected = sign(secret, message_id, sent_at, body).encode()
    matches = [hmac.compare_digest(expected, one.encode(errors="replace")) for one in given.split()]
    if not any(matches):
        raise SignatureRefused("no signature fits")


def _key(secret: str) -> bytes:
    """The bytes of a secret.

    Raises
    ------
    SignatureRefused
        It is not of the form "whsec_…".
    """
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except NotBase64 as error:
        raise SignatureRefused('the secret is not of the form "whsec_" and base64') from error
