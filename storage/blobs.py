"""Large bytes: one store for all processes, a local folder or S3; always encrypted by the caller.

An artifact's key is `<user id>/<call id>/<number>`: recovery finds what a provider call has made.
A reader sees a whole blob or none: the local store writes beside the final name and renames. It
flushes nothing, though (object_store's LocalFileSystem does no fsync), so we flush the file and its
folders: a put that has returned survives a power cut. S3 acknowledges only what it keeps.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from schemas.errors import ConfigError, InvalidInput, Missing, Unavailable

BLOB_MAX_BYTES: Final = 256 * 1024 * 1024
LIST_PAGE: Final = 500
_KEY: Final = re.compile(r"^[0-9]+(/[0-9A-Za-z._-]+){1,3}\Z")
FILES: Final = "files"
SETTING: Final = "LEYDEN_BLOB_URL"


@dataclass(frozen=True, slots=True)
class BlobInfo:
    key: str
    size_bytes: int
    modified_at: datetime


def artifact_key(user_id: int, call_id: UUID, number: int | str) -> str:
    return f"{user_id}/{call_id}/{number}"


def file_key(user_id: int, file_id: UUID) -> str:
    """A folder of their own: a file has a row and its own lifetime, an artifact goes by age."""
    return f"{user_id}/{FILES}/{file_id}"


class Blobs:
    """Raises Unavailable when the store cannot be reached or is full."""

    def __init__(self, store: Any, *, folder: Path | None, max_bytes: int = BLOB_MAX_BYTES) -> None:
        self._store = store
        self._folder = folder
        self._max_bytes = max_bytes

    @classmethod
    def open(cls, url: str, *, max_bytes: int = BLOB_MAX_BYTES) -> "Blobs":
        """`file:///folder` (made with mode 0700) or `s3://bucket/prefix`. Raises ConfigError."""
        try:
            if url.startswith("file://"):
                return cls._open_folder(Path(unquote(urlsplit(url).path)), max_bytes)
            return cls(from_url(url), folder=None, max_bytes=max_bytes)
        except (BaseError, OSError, ValueError) as error:
            problem = f"cannot be opened ({type(error).__name__})"
            raise ConfigError(setting=SETTING, problem=problem) from error

    @classmethod
    def _open_folder(cls, folder: Path, max_bytes: int) -> "Blobs":
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder), folder=folder, max_bytes=max_bytes)

    async def put(self, key: str, data: bytes) -> None:
        """Store `data`; the same key again replaces it whole. Raises InvalidInput above the cap."""
        _check(key)
        if len(data) > self._max_bytes:
            raise InvalidInput("payload_too_large", limit_bytes=self._max_bytes)
        try:
            await obstore.put_async(self._store, key, data, use_multipart=False)
            if self._folder is not None:
                await asyncio.to_thread(_flush, self._folder, key)
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    async def get(self, key: str) -> bytes:
        """Raises Missing."""
        _check(key)
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise Missing("not_found") from error
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    async def exists(self, key: str) -> bool:
        _check(key)
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error
        return True

    async def delete(self, key: str) -> None:
        """Deleting what is not there is done already."""
        _check(key)
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """All blobs whose key begins with the folders of `prefix` (`17/` = all of person 17)."""
        try:
            async for page in obstore.list(self._store, prefix or None, chunk_size=LIST_PAGE):
                for meta in page:
                    yield BlobInfo(str(meta["path"]), int(meta["size"]), meta["last_modified"])
        except (BaseError, OSError) as error:
            raise _unavailable(error) from error

    @property
    def folder(self) -> Path | None:
        """Where a local store keeps them; None: not on a disk of ours."""
        return self._folder

    @property
    def remote(self) -> bool:
        return isinstance(self._store, S3Store)


def _check(key: str) -> None:
    """A key is made by us, never from a caller's text; should that be forgotten, it ends here."""
    if not _KEY.match(key) or ".." in key:
        message = f"not a blob key: {key!r}"
        raise ValueError(message)


def _flush(folder: Path, key: str) -> None:
    """The bytes first, then the name, then the folders that may be new, up to the store's own."""
    path = folder / key
    _sync(path)
    for parent in path.parents:
        _sync(parent)
        if parent == folder:
            return


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: BaseException) -> Unavailable:
    return Unavailable(store="blobs", reason=type(error).__name__)
