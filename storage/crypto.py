"""Encryption at rest: a random key per person, wrapped under the master key.

Sealed bytes are `nonce (12) | ciphertext | tag (16)` of AES-256-GCM; the associated data names the
person, the purpose and the key's version, so a value moved to another row or column does not open.
A new master key re-wraps one small column per person and touches no content: a wrapped key begins
with the fingerprint of the master key it needs. Every encrypted row carries the version of the data
key, so that a person's key could be replaced too. Destroying the wrapped key erases the person.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ops.base.clock import monotonic_s
from schemas.errors import ConfigError, LeydenError, Missing
from storage.batch import Batch
from storage.pool import Database, Row

KEY_SIZE_BYTES: Final = 32
NONCE_SIZE_BYTES: Final = 12
FINGERPRINT_SIZE_BYTES: Final = 4
FIRST_KEY_VERSION: Final = 1
CACHE_KEYS_MAX: Final = 10_000
CACHE_S: Final = 60.0
"""How long another process may still read for a person whose key has been destroyed."""

PAYLOAD: Final = "payload"
RESULT: Final = "result"
TITLE: Final = "title"
CONTENT: Final = "content"
METADATA: Final = "metadata"
FILE: Final = "file"
ARTIFACT: Final = "artifact"
"""The purposes: a word per column or kind of blob. It is stored nowhere and never changes."""

_MARKING: Final = b"leyden mark of a name"

_KEY_OF_USER = "select id, key_version, wrapped_key from app.user_account where id = $1"
_KEYS_OF_USERS = "select id, key_version, wrapped_key from app.user_account where id = any ($1)"


class Unreadable(LeydenError):
    """Stored bytes do not open with the key and place they claim: damaged, moved or forged."""

    default_code = "content_unreadable"


class MasterKeys:
    """Wraps and opens the keys of people. The first key wraps; older ones only open."""

    def __init__(self, current: bytes, *, older: Sequence[bytes] = ()) -> None:
        self._ciphers = {_fingerprint(key): AESGCM(key) for key in (*older, current)}
        self._current = _fingerprint(current)
        self._marking = [hmac.digest(key, _MARKING, hashlib.sha256) for key in (current, *older)]

    def marks(self, provider: str, external_id: str) -> list[bytes]:
        """32 bytes that stand for an outside name and do not tell it, the current key's first.

        All of them are to be looked for, the first one is to be kept.
        """
        name = f"{provider}\x1f{external_id}".encode()
        return [hmac.digest(key, name, hashlib.sha256) for key in self._marking]

    def wrap(self, key: bytes, *, user_id: int) -> bytes:
        nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, key, _wrapping(user_id))
        return self._current + nonce + sealed

    def unwrap(self, wrapped: bytes, *, user_id: int) -> bytes:
        """Raises ConfigError when another master key is needed, Unreadable when it is damaged."""
        fingerprint, body = wrapped[:FINGERPRINT_SIZE_BYTES], wrapped[FINGERPRINT_SIZE_BYTES:]
        cipher = self._ciphers.get(fingerprint)
        if cipher is None:
            problem = "is not the key that the content of this database was encrypted under"
            raise ConfigError(setting="LEYDEN_MASTER_KEY", problem=problem)
        nonce, sealed = body[:NONCE_SIZE_BYTES], body[NONCE_SIZE_BYTES:]
        return _open(cipher, nonce, sealed, _wrapping(user_id))

    def is_current(self, wrapped: bytes) -> bool:
        """False: to be wrapped anew before the older master key is thrown away."""
        return wrapped.startswith(self._current)


@dataclass(frozen=True, slots=True)
class DataKey:
    """One person's key. `purpose` is one of the words above: where the bytes belong."""

    user_id: int
    version: int
    _cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, user_id: int, key: bytes, *, version: int = FIRST_KEY_VERSION) -> "DataKey":
        return cls(user_id, version, AESGCM(key))

    def encrypt(self, data: bytes, *, purpose: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, self._place(purpose))

    def decrypt(self, sealed: bytes, *, purpose: str) -> bytes:
        """Raises Unreadable."""
        nonce, body = sealed[:NONCE_SIZE_BYTES], sealed[NONCE_SIZE_BYTES:]
        return _open(self._cipher, nonce, body, self._place(purpose))

    def _place(self, purpose: str) -> bytes:
        return f"leyden/{self.user_id}/{self.version}/{purpose}".encode()


class Keys:
    """The keys of people, opened once and kept for a minute in a bounded cache."""

    def __init__(
        self, db: Database, master: MasterKeys | bytes, *, keys_max: int = CACHE_KEYS_MAX
    ) -> None:
        self._db = db
        self.master = MasterKeys(master) if isinstance(master, bytes) else master
        self._keys_max = keys_max
        self._cache: OrderedDict[int, tuple[float, DataKey]] = OrderedDict()
        self._rows: Batch[int, Row | None] = Batch(self._find_many, single=self._find, call="keys")

    async def of(self, user_id: int) -> DataKey:
        """Raises Missing `no_account` for an unknown or an erased person; Unavailable."""
        known = self._cache.get(user_id)
        if known and known[0] > monotonic_s():
            self._cache.move_to_end(user_id)
            return known[1]
        self.forget(user_id)
        row = await self._rows(user_id)
        if row is None or row["wrapped_key"] is None:
            raise Missing("no_account")
        plain = self.master.unwrap(row["wrapped_key"], user_id=user_id)
        return self._keep(DataKey.of(user_id, plain, version=row["key_version"]))

    def forget(self, user_id: int) -> None:
        """For who has just destroyed or replaced a key."""
        self._cache.pop(user_id, None)

    def new_wrapped(self, user_id: int) -> bytes:
        """A fresh random key for a new person, wrapped; nothing is stored."""
        return self.master.wrap(secrets.token_bytes(KEY_SIZE_BYTES), user_id=user_id)

    async def _find(self, user_id: int) -> Row | None:
        return await self._db.fetchrow(_KEY_OF_USER, user_id)

    async def _find_many(self, user_ids: Sequence[int]) -> list[Row | None]:
        rows = {row["id"]: row for row in await self._db.fetch(_KEYS_OF_USERS, list(user_ids))}
        return [rows.get(user_id) for user_id in user_ids]

    def _keep(self, key: DataKey) -> DataKey:
        self._cache[key.user_id] = (monotonic_s() + CACHE_S, key)
        while len(self._cache) > self._keys_max:
            self._cache.popitem(last=False)
        return key


def _open(cipher: AESGCM, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, place)
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise Unreadable from error


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(b"leyden master key" + key).digest()[:FINGERPRINT_SIZE_BYTES]


def _wrapping(user_id: int) -> bytes:
    return f"leyden/{user_id}/data-key".encode()
