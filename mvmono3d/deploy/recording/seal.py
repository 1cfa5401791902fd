"""Encryption of recordings: AES-256-GCM with a key of the recording, wrapped for people by age.

The key is drawn for one recording and never stored; `recording.toml` holds it encrypted to age recipients
(https://age-encryption.org/v1). Whoever deletes the wrapped key has deleted the pixels, on every copy.
A nonce is the number of the channel and of the message in it, which no recording uses twice.
"""

import base64
import binascii
import os
import struct
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mvmono3d.errors import InvalidFileError, RecordingKeyError

# A compiled module without types.
_age: Any = import_module("pyrage")

CIPHER = "AES-256-GCM"
KEY_BYTES = 32
_NONCE = struct.Struct("<IQ")


class Seal:
    """Encrypts and opens the messages of one recording."""

    __slots__ = ("_cipher", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise RecordingKeyError(f"a key of {len(key)} bytes, expected {KEY_BYTES}")
        self._key = key
        self._cipher = AESGCM(key)

    @property
    def key(self) -> bytes:
        """The key itself, for the recorder's process."""
        return self._key

    def __repr__(self) -> str:
        return "Seal(…)"

    def close(self, payload: bytes, *, about: bytes, channel: int, number: int) -> bytes:
        """Encrypt a payload; `about` stays readable, and nobody can change it unnoticed."""
        return self._cipher.encrypt(_NONCE.pack(channel, number), payload, about)

    def open(self, payload: bytes, *, about: bytes, channel: int, number: int) -> bytes:
        """Decrypt a payload; raises `RecordingKeyError` where the key is wrong or anything was changed."""
        try:
            return self._cipher.decrypt(_NONCE.pack(channel, number), payload, about)
        except InvalidTag:
            raise RecordingKeyError(
                f"message {number} of channel {channel} doesn't open: another key, or it was changed"
            ) from None

    def wrapped(self, recipients: Sequence[str]) -> str:
        """Return the key, encrypted to age recipients, as base64; raises `RecordingKeyError` without one."""
        if not recipients:
            raise RecordingKeyError("nobody could open the recording: name at least one age recipient")
        try:
            known = [_age.x25519.Recipient.from_str(recipient) for recipient in recipients]
            return base64.b64encode(_age.encrypt(self._key, known)).decode()
        except (_age.RecipientError, _age.EncryptError) as error:
            raise RecordingKeyError(f"not an age recipient (age1…) in {list(recipients)}: {error}") from None


def new_seal() -> Seal:
    """Draw a key for a recording."""
    return Seal(os.urandom(KEY_BYTES))


def unwrapped(wrapped: str, identity: str, *, where: str = "recording") -> Seal:
    """Return the seal that an age identity opens; raises `RecordingKeyError` where it doesn't."""
    try:
        secret = _age.x25519.Identity.from_str(identity.strip())
        return Seal(_age.decrypt(base64.b64decode(wrapped, validate=True), [secret]))
    except _age.IdentityError:
        raise RecordingKeyError(f"{where}: expected an age identity (AGE-SECRET-KEY-1…)") from None
    except (_age.DecryptError, binascii.Error):
        raise RecordingKeyError(f"{where}: this identity doesn't open it") from None


def read_identity(path: Path) -> str:
    """Return the first identity of a file that age-keygen wrote."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFileError(f"{path} is not a readable identity file: {error}") from None
    for line in lines:
        if line.startswith("AGE-SECRET-KEY-1"):
            return line.strip()
    raise InvalidFileError(f"{path}: no line AGE-SECRET-KEY-1…; age-keygen writes such a file")
