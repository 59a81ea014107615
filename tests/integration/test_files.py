"""Files, blobs and what is forgotten: kept once, found by their owner alone, gone in time."""

import os
import secrets
import stat
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ops.base.clock import now
from schemas.errors import ConfigError, InvalidInput, Missing, Unavailable
from schemas.ids import derive_id
from schemas.plans import plans
from storage.blobs import Blobs, artifact_key, file_key
from storage.crypto import Keys
from storage.files import LIFETIME, Files
from storage.inspect import inspect_bytes
from storage.pool import Database
from storage.retention import Retention
from storage.users import SignUp, Users

TEXT = b"A short letter.\n" * 50
AGE = "update app.file set expires_at = clock_timestamp() - interval '1 second' where id = $1"


@pytest.fixture
def keys(db: Database) -> Keys:
    return Keys(db, secrets.token_bytes(32))


@pytest.fixture
def users(db: Database, keys: Keys) -> Users:
    return Users(db, keys, SignUp.of(plans(), waiting_max=1000))


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs.open((tmp_path / "blobs").as_uri())


@pytest.fixture
def files(db: Database, keys: Keys, blobs: Blobs) -> Files:
    return Files(db, keys, blobs)


async def every_blob(blobs: Blobs) -> list[str]:
    return [blob.key async for blob in blobs.list()]


async def test_a_file_comes_back_as_it_was_sent(
    files: Files, users: Users, blobs: Blobs, tmp_path: Path
) -> None:
    user_id = (await users.ensure("dev", "ann")).user_id
    kept = await files.add(user_id, TEXT, facts=inspect_bytes(TEXT))
    found, data = await files.load(user_id, kept.id)
    assert data == TEXT
    assert (found.facts.media_type, found.facts.pages) == ("text/plain", 1)
    on_disk = [path.read_bytes() for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(on_disk) == 1
    assert b"letter" not in on_disk[0]


async def test_identical_bytes_are_one_file_for_one_person(
    files: Files, users: Users, blobs: Blobs
) -> None:
    ann = (await users.ensure("dev", "ann")).user_id
    bob = (await users.ensure("dev", "bob")).user_id
    first = await files.add(ann, TEXT, facts=inspect_bytes(TEXT))
    again = await files.add(ann, TEXT, facts=inspect_bytes(TEXT))
    other = await files.add(bob, TEXT, facts=inspect_bytes(TEXT))
    assert first.id == again.id != other.id
    assert again.expires_at >= first.expires_at
    assert len(await every_blob(blobs)) == 2


async def test_another_persons_file_is_missing(files: Files, users: Users) -> None:
    ann = (await users.ensure("dev", "ann")).user_id
    bob = (await users.ensure("dev", "bob")).user_id
    kept = await files.add(ann, TEXT, facts=inspect_bytes(TEXT))
    for asked in (kept.id, uuid4()):
        with pytest.raises(Missing) as caught:
            await files.load(bob, asked)
        assert caught.value.code == "file_not_found"


async def test_a_file_is_kept_for_the_job_that_needs_it(files: Files, users: Users) -> None:
    user_id = (await users.ensure("dev", "ann")).user_id
    kept = await files.add(user_id, TEXT, facts=inspect_bytes(TEXT))
    until = now() + timedelta(days=30)
    assert (await files.keep(user_id, kept.id, until=until)).expires_at == until
    assert (await files.keep(user_id, kept.id, until=now())).expires_at == until


async def test_retention_takes_what_has_expired_and_what_nobody_names(
    files: Files, users: Users, blobs: Blobs, db: Database, tmp_path: Path
) -> None:
    user_id = (await users.ensure("dev", "ann")).user_id
    old = await files.add(user_id, TEXT, facts=inspect_bytes(TEXT))
    new = await files.add(user_id, TEXT * 2, facts=inspect_bytes(TEXT * 2))
    await db.execute(AGE, old.id)
    call = derive_id("call")
    strays = {
        file_key(user_id, uuid4()): timedelta(hours=25),
        file_key(user_id, uuid4()): timedelta(hours=1),
        artifact_key(user_id, call, 0): timedelta(days=91),
        artifact_key(user_id, call, 1): timedelta(days=89),
    }
    for key, age in strays.items():
        await blobs.put(key, b"sealed")
        moment = (now() - age).timestamp()
        os.utime(tmp_path / "blobs" / key, (moment, moment))
    forgotten = await Retention(db, blobs).run()
    assert (forgotten.files, forgotten.blobs) == (1, 2)
    keys_left = list(strays)
    assert sorted(await every_blob(blobs)) == sorted([new.blob_key, keys_left[1], keys_left[3]])
    with pytest.raises(Missing):
        await files.get(user_id, old.id)
    again = await files.add(user_id, TEXT, facts=inspect_bytes(TEXT))
    assert again.id != old.id
    assert again.expires_at > now() + LIFETIME - timedelta(minutes=1)


async def test_what_others_left_in_the_store_is_none_of_our_business(
    db: Database, tmp_path: Path
) -> None:
    """A store may be a mounted disk, or a bucket that somebody else has looked into."""
    folder = tmp_path / "blobs"
    (folder / "17" / "files").mkdir(parents=True)
    left = [folder / ".DS_Store", folder / "17" / "files" / "notes.txt", folder / "a b"]
    for path in left:
        path.write_bytes(b"x")
        os.utime(path, (1, 1))
    assert (await Retention(db, Blobs.open(folder.as_uri())).run()).blobs == 0
    assert all(path.exists() for path in left)


async def test_a_blob_is_replaced_whole_found_listed_and_deleted(blobs: Blobs) -> None:
    key = artifact_key(1, derive_id("call"), 0)
    assert not await blobs.exists(key)
    await blobs.put(key, b"one")
    await blobs.put(key, b"two")
    assert await blobs.get(key) == b"two"
    assert await blobs.exists(key)
    assert [(blob.key, blob.size_bytes) async for blob in blobs.list("1/")] == [(key, 3)]
    assert [blob async for blob in blobs.list("2/")] == []
    await blobs.delete(key)
    await blobs.delete(key)
    with pytest.raises(Missing):
        await blobs.get(key)


@pytest.mark.parametrize("key", ["../x", "1/../../x", "/etc/passwd", "1", "x/1", "1//2", "1/a b"])
async def test_no_key_leads_out_of_the_store(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        await blobs.put(key, b"x")


async def test_a_blob_has_a_cap(tmp_path: Path) -> None:
    small = Blobs.open((tmp_path / "small").as_uri(), max_bytes=10)
    with pytest.raises(InvalidInput) as caught:
        await small.put("1/a/0", b"x" * 11)
    assert caught.value.code == "payload_too_large"


async def test_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    blobs = Blobs.open(folder.as_uri())
    (folder / "1").write_text("a file where a folder should be")
    with pytest.raises(Unavailable):
        await blobs.put("1/a/0", b"x")


def test_the_folder_is_private_and_a_bad_place_is_a_wrong_setting(tmp_path: Path) -> None:
    Blobs.open((tmp_path / "a b").as_uri())
    assert stat.S_IMODE((tmp_path / "a b").stat().st_mode) == 0o700
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="LEYDEN_BLOB_URL"):
        Blobs.open((tmp_path / "file").as_uri())
