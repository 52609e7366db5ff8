"""Sealing and opening of a recording's clear text: AES-256-GCM with a key for each recording.

A sealed text and a wrapped key are a nonce of 12 bytes followed by the ciphertext with its tag. Both are
bound to the recording: neither can be put in the place of another recording's.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.errors import UsageError

Key = bytes
"""A key of `KEY_BYTES` bytes."""
NONCE_BYTES = 12
KEY_BYTES = 32
_TEXT, _KEY = b"earwitness text 1:", b"earwitness key 1:"


def new_key() -> bytes:
    """A random key for one recording."""
    return AESGCM.generate_key(bit_length=8 * KEY_BYTES)


def seal(text: bytes, key: bytes, recording_id: str) -> bytes:
    """The sealed text of a recording."""
    return _encrypted(text, key, _TEXT + recording_id.encode())


def unseal(blob: bytes, key: bytes, recording_id: str) -> bytes:
    """The clear text; UsageError for another key, another recording or a changed blob."""
    return _decrypted(blob, key, _TEXT + recording_id.encode(), what=f"the sealed text of {recording_id}")


def wrap(key: bytes, master: bytes, recording_id: str) -> bytes:
    """A recording's key, encrypted by the master key."""
    return _encrypted(key, master, _KEY + recording_id.encode())


def unwrap(wrapped: bytes, master: bytes, recording_id: str) -> bytes:
    """A recording's key; UsageError for another master key, another recording or a changed key."""
    return _decrypted(wrapped, master, _KEY + recording_id.encode(), what=f"the key of {recording_id}")


def _encrypted(data: bytes, key: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, bound_to)


def _decrypted(blob: bytes, key: bytes, bound_to: bytes, *, what: str) -> bytes:
    try:
        return AESGCM(key).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):  # ValueError for a nonce that is cut short
        raise UsageError(
            f"cannot open {what}",
            value="wrong key or changed data",
            remedy="use the master key it was sealed with, or restore key file and store from one backup",
        ) from None
