"""Keys derived from MAILTALK_SECRET_KEY: HMACs of addresses and links, and AES-256-GCM for data at rest."""

import hmac
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import AnyStr

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailtalk.errors import MailtalkError

KEY_ID_BYTES = 4
NONCE_BYTES = 12
SEAL_BYTES = KEY_ID_BYTES + NONCE_BYTES + 16  # what sealing adds; 16: the tag


class SealBroken(MailtalkError):
    """Sealed bytes cannot be decrypted: they were changed."""


class KeyAway(SealBroken):
    """Sealed bytes cannot be decrypted as long as their key is not in MAILTALK_SECRET_KEY; the text gives its id."""


@dataclass(frozen=True, repr=False)
class Key:
    """Secret from MAILTALK_SECRET_KEY; each use has its own key, derived by HMAC-SHA256."""

    secret: bytes

    def derive(self, use: bytes, data: bytes) -> bytes:
        """HMAC-SHA256 of data under the key for this use; 32 bytes."""
        return hmac.digest(self._uses.get(use) or self._of(use), data, "sha256")

    @cached_property
    def id(self) -> int:
        """Key id for rows and sealed bytes, 31 bits; reveals nothing of the key."""
        return int.from_bytes(self._of(b"id")[:KEY_ID_BYTES], "big") >> 1  # fits PostgreSQL's integer

    @cached_property
    def sealer(self) -> AESGCM:
        """AES-256-GCM cipher under the key for sealing."""
        return AESGCM(self._of(b"seal"))

    @cached_property
    def _uses(self) -> dict[bytes, bytes]:
        """Keys derived so far, by use."""
        return {}

    def _of(self, use: bytes) -> bytes:
        return self._uses.setdefault(use, hmac.digest(self.secret, b"mailtalk/" + use, "sha256"))


class Keyring:
    """Keys in rotation: the first signs and seals, all of them verify and unseal."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        self.current = self.keys[0]
        self._by_id = {key.id: key for key in self.keys}

    @classmethod
    def from_setting(cls, secret_key: str) -> "Keyring":
        """Keys from MAILTALK_SECRET_KEY, separated by commas."""
        return cls(Key(part.strip().encode()) for part in secret_key.split(","))

    @property
    def ids(self) -> list[int]:
        """Ids of all keys."""
        return list(self._by_id)

    def signer(self, signature: AnyStr, sign: Callable[[Key], AnyStr]) -> Key | None:
        """Key under which `sign` yields this signature, compared in constant time; None if there is none."""
        return next((key for key in self.keys if hmac.compare_digest(sign(key), signature)), None)

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt bytes for storage; `about` is associated data, which binds them to their row."""
        nonce = os.urandom(NONCE_BYTES)
        key_id = self.current.id.to_bytes(KEY_ID_BYTES, "big")
        return key_id + nonce + self.current.sealer.encrypt(nonce, plain, about.encode())

    @staticmethod
    def sealed_by(sealed: bytes) -> int:
        """Id of the key that sealed these bytes."""
        return int.from_bytes(sealed[:KEY_ID_BYTES], "big")

    def unseal(self, sealed: bytes, about: str) -> bytes:
        """Decrypt sealed bytes; KeyAway if the key is not held, SealBroken if the bytes were changed."""
        key_id = self.sealed_by(sealed)
        key = self._by_id.get(key_id)
        if key is None:
            raise KeyAway(f"it is sealed with key {key_id:08x}, which MAILTALK_SECRET_KEY does not hold: put it back")
        body = KEY_ID_BYTES + NONCE_BYTES
        try:
            return key.sealer.decrypt(sealed[KEY_ID_BYTES:body], sealed[body:], about.encode())
        except (InvalidTag, ValueError):  # ValueError: truncated within the nonce
            raise SealBroken("the sealed bytes were changed") from None
