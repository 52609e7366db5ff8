"""Access to object stores that speak S3: credentials, connections, and their errors in words.

Credentials come from `AWS_*` variables, from the profile files of the AWS programs, or from the machine's
role. They are in no setting and no error: the text of a store's error is never passed on, only its code.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.errors import EarwitnessError, RecordingError, UsageError

if TYPE_CHECKING:
    from obstore.store import S3Store

RETRIES: dict[str, Any] = {"max_retries": 6, "retry_timeout": timedelta(seconds=60)}
CLIENT: dict[str, Any] = {
    "connect_timeout": timedelta(seconds=5),
    "read_timeout": timedelta(seconds=60),
    "timeout": timedelta(hours=1),  # of a whole object, which may be large
}
REREAD = timedelta(minutes=5)
"""How long the keys of a profile are used before its file is read again."""

_KEYS = "aws_access_key_id", "aws_secret_access_key"
_OTHER_SOURCES = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_BAD_KEY = re.compile(r'invalid path: Path "(.{0,200}?)" contained')
_REFUSED = frozenset({
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
    "RequestTimeTooSkewed",
})  # fmt: skip
_ELSEWHERE = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"})
_ROLE_SERVICES = "/latest/api/token", "/latest/meta-data", "169.254."


class ObjectStoreError(UsageError):
    """A fault that every object of a bucket would meet."""


@cache
def bucket_store(bucket: str) -> S3Store:
    """The bucket, by the environment of this process. Raises UsageError for a profile that has no keys."""
    from obstore.store import S3Store  # noqa: PLC0415 - slow to import, and only needed for buckets

    profile = Profile.chosen(os.environ)
    url = _endpoint(profile)
    client = {**CLIENT, "allow_http": True} if url.startswith("http://") else CLIENT
    more: dict[str, Any] = {}
    if url:
        more["endpoint"] = url
    if profile is not None and profile.has_keys:
        more["credential_provider"] = profile.provider()
    if region := _region(profile):
        more["region"] = region
    return S3Store(bucket, client_options=client, retry_config=RETRIES, **more)


def _endpoint(profile: Profile | None) -> str:
    """The address of the store, empty for AWS."""
    named = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return named or (profile.config.get("endpoint_url", "") if profile is not None else "")


def _region(profile: Profile | None) -> str:
    """The region of a profile where no variable gives one."""
    if profile is None or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        return ""
    return profile.config.get("region", "")


class Profile:
    """A section of the AWS profile files; `config` has its region and endpoint."""

    def __init__(self, name: str, credentials: Path, config: Path) -> None:
        self._name, self._credentials = name, credentials
        self.config = _section(config, name if name == "default" else f"profile {name}")

    @classmethod
    def chosen(cls, environ: Mapping[str, str]) -> Profile | None:
        """The profile to use; None where there is none. Raises UsageError where the named one has no keys.

        Keys in the environment win over a profile, as for the AWS programs.
        """
        home = Path("~/.aws").expanduser()
        profile = cls(
            environ.get("AWS_PROFILE") or "default",
            Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials").expanduser(),
            Path(environ.get("AWS_CONFIG_FILE") or home / "config").expanduser(),
        )
        if environ.get("AWS_ACCESS_KEY_ID"):
            profile._credentials = Path(os.devnull)
        elif environ.get("AWS_PROFILE"):
            profile.keys()
        elif any(environ.get(name) for name in _OTHER_SOURCES):
            profile._credentials = Path(os.devnull)
        return profile

    @property
    def has_keys(self) -> bool:
        """Whether keys are to be taken from the profile."""
        return all(_section(self._credentials, self._name).get(key) for key in _KEYS)

    def keys(self) -> dict[str, str | None]:
        """The keys as they are in the file now. Raises UsageError where it has none."""
        values = _section(self._credentials, self._name)
        if not all(values.get(key) for key in _KEYS):
            raise UsageError(
                "the AWS profile has no keys",
                where=f"[{self._name}] in {self._credentials}",
                allowed=" and ".join(_KEYS),
                remedy="for other kinds of profiles: eval $(aws configure export-credentials --format env)",
            )
        return {
            "access_key_id": values[_KEYS[0]],
            "secret_access_key": values[_KEYS[1]],
            "token": values.get("aws_session_token"),
        }

    def provider(self) -> Callable[[], Any]:
        """Gives the keys; the file is read again from time to time, as keys may be renewed in it."""
        return lambda: {**self.keys(), "expires_at": datetime.now(UTC) + REREAD}


def _section(path: Path, name: str) -> Mapping[str, str]:
    """A section of an INI file; empty without one. Raises UsageError for a file that cannot be read."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        # The parser's message would quote the line, which may be a key.
        remedy = "see `aws configure list`"
        raise UsageError("cannot read the AWS profile file", where=path, remedy=remedy) from None
    return parser[name] if parser.has_section(name) else {}


def explained(error: Exception, where: str, *, listing: bool = False) -> EarwitnessError:
    """An error of the store in words: RecordingError for one object's, ObjectStoreError for all objects'.

    `listing` says that the bucket was listed, not an object read.
    """
    text = str(error)
    code = _code(text)
    bucket = "/".join(where.split("/")[:3])
    name = type(error).__name__
    if code == "NoSuchBucket":
        remedy = "check its name, and AWS_ENDPOINT_URL for a store that is not AWS"
        return ObjectStoreError("no such bucket", where=bucket, remedy=remedy)
    if any(service in text for service in _ROLE_SERVICES):
        remedy = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE with ~/.aws/credentials"
        return ObjectStoreError("no credentials for the object store", where=bucket, remedy=remedy)
    if code in _REFUSED or name == "UnauthenticatedError":
        remedy = "check the AWS_* variables or the profile, renew the keys, and check this machine's clock"
        what = "the object store refuses the credentials"
        return ObjectStoreError(what, where=bucket, value=code or None, remedy=remedy)
    if name == "PermissionDeniedError" or isinstance(error, PermissionError) or code == "403":
        right = "s3:ListBucket on the bucket" if listing else "s3:GetObject on the object"
        kind = ObjectStoreError if listing else RecordingError
        return kind("access denied", where=where, remedy=f"give the account {right}")
    if isinstance(error, FileNotFoundError):
        return RecordingError("no such object", where=where, remedy="it was there when the bucket was listed")
    if name == "PreconditionError":
        what, remedy = "the object changed after it was found", "it is read by the next run"
        return RecordingError(what, where=where, remedy=remedy)
    return _failed(text, code, where, name)


def _failed(text: str, code: str, where: str, name: str) -> ObjectStoreError:
    """The errors that say less by their type."""
    bucket = "/".join(where.split("/")[:3])
    if match := _BAD_KEY.search(text):
        return ObjectStoreError(
            "a key that cannot be read",
            where=bucket,
            value=match[1],
            allowed="keys without empty parts, `.` and `..` between slashes",
            remedy="rename it, or name a prefix that leaves it out",
        )
    if code in _ELSEWHERE or code == "301" or "redirect without LOCATION" in text:
        return ObjectStoreError(
            "the bucket is in another region", where=bucket, remedy="set AWS_REGION to its region"
        )
    if "HTTP error" in text:
        remedy = "check AWS_ENDPOINT_URL and the network, and start again: what is finished is kept"
        return ObjectStoreError(f"cannot reach the object store{_host()}", where=bucket, remedy=remedy)
    remedy = "start again: what is finished is kept"
    return ObjectStoreError("the object store fails", where=where, value=code or name, remedy=remedy)


def _code(text: str) -> str:
    """The code in the store's answer, or else its HTTP status; empty where there was none."""
    match = _CODE.search(text) or _STATUS.search(text)
    return match[1] if match else ""


def _host() -> str:
    """The host of the store as part of a message, without what else its address may hold."""
    try:
        parts = urlsplit(_endpoint(Profile.chosen(os.environ)))
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UsageError):
        return ""
    return f" at {parts.hostname}{port}" if parts.hostname else ""
