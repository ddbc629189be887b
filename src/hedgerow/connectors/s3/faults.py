"""What a store says when it refuses, as sentences without secrets."""

import re
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hedgerow.connectors.base import Refused, SourceError, Unreachable
from hedgerow.connectors.s3.place import Place

_KEY_FAULTS = {
    "InvalidAccessKeyId": ("The access key is not known to the store.", "access_key"),
    "SignatureDoesNotMatch": ("The secret key is wrong.", "secret_key"),
    "ExpiredToken": ("The session token has expired.", "session_token"),
    "InvalidToken": ("The session token is wrong.", "session_token"),
}
_ELSEWHERE = {
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}
_BUSY = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "RequestLimitExceeded", "Throttling"}
_CODE = re.compile(r"[A-Za-z0-9._-]{1,60}")


def of_store(error: ClientError | BotoCoreError, place: Place, key: str | None, *, signed: bool = True) -> SourceError:
    """The fault of a request: of listing, where there is no `key`."""
    if not isinstance(error, ClientError):
        return unreachable(place)
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if key is not None and status in {404, 412}:
        return altered(key, "deleted" if status == 404 else "replaced")
    if code in _KEY_FAULTS:
        text, field = _KEY_FAULTS[code]
        return Refused(text, field=field)
    if status == 404:
        return Refused(f"The store has no bucket {place.bucket}.", field="url")
    if code in _BUSY or status >= 500 or status == 429:
        return Unreachable(f"The store cannot answer now ({_named(code, status)}).")
    if code in _ELSEWHERE or status in {301, 307, 308}:
        return Refused(f"Bucket {place.bucket} is in another region than {place.region}.", field="region")
    if status in {401, 403}:
        who = "The access key may not" if signed else "Without an access key one may not"
        what = f"read file {key}" if key else f"list the files of bucket {place.bucket}"
        return Refused(f"{who} {what} ({_named(code, status)}).", field=None if key else "access_key")
    return Refused(f"The store refused ({_named(code, status)}).")


def unreachable(place: Place) -> Unreachable:
    """The store did not answer, or stopped answering."""
    return Unreachable(f"The store at {place.site} does not answer.", field="endpoint" if place.endpoint else None)


def altered(key: str, what: str) -> Refused:
    """A file is not what was listed."""
    return Refused(f"File {key} was {what} while the table was read. It is read again.", retryable=True)


def broken(key: str, why: Any) -> Refused:
    """A file that cannot be read as what it is said to be."""
    return Refused(f"File {key} cannot be read: {why}")


def _named(code: str, status: int) -> str:
    return code if _CODE.fullmatch(code) else str(status)
