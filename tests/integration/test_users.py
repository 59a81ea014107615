"""People: one account for many first contacts, with grants and a key, or nothing at all."""

import asyncio
import secrets

import pytest

from schemas.errors import InvalidInput, Missing
from schemas.plans import PlanName, plans
from storage.crypto import PAYLOAD, Keys
from storage.pool import Database
from storage.users import SignUp, Users

WALLETS = "select currency, balance, granted from audit_wallets where user_id = $1"
FORGET_KEY = "update app.user_account set wrapped_key = null where id = $1"


@pytest.fixture
def keys(db: Database) -> Keys:
    return Keys(db, secrets.token_bytes(32))


@pytest.fixture
def users(db: Database, keys: Keys) -> Users:
    return Users(db, keys, SignUp.of(plans(), waiting_max=1000))


async def test_a_first_contact_makes_everything_at_once(users: Users, db: Database) -> None:
    met = await users.ensure("telegram", "4711", language="ru")
    assert met.created
    account = await users.get(met.user_id)
    assert (account.status, account.plan, account.language) == ("active", "FREE", "ru")
    assert (account.used_bytes, account.limit_bytes) == (0, 1_048_576)
    assert [tuple(row) for row in await db.fetch(WALLETS, met.user_id)] == [
        ("CREDIT", 600_000, 600_000)
    ]
    caps = await db.fetchval("select caps from work.member where user_id = $1", met.user_id)
    assert caps == [2, 2, 2, 2, 2]
    assert await users.plan(met.user_id) is PlanName.FREE
    assert await users.names(met.user_id) == [("telegram", "4711")]


async def test_twenty_first_contacts_at_once_make_one_person(users: Users, db: Database) -> None:
    met = await asyncio.gather(*(users.ensure("dev", "ann") for _ in range(20)))
    assert len({one.user_id for one in met}) == 1
    assert sum(one.created for one in met) == 1
    for table in ("app.user_account", "app.identity", "app.workspace", "work.member"):
        assert await db.fetchval(f"select count(*) from {table}") == 1
    assert await db.fetchval("select sum(balance) from audit_wallets") == 600_000
    assert await db.fetch("select * from ledger.violations") == []


async def test_a_second_contact_finds_the_first(users: Users) -> None:
    first = await users.ensure("dev", "ann")
    again = await users.ensure("dev", "ann")
    assert (again.user_id, again.created) == (first.user_id, False)
    assert await users.find("dev", "ann") == first.user_id
    assert await users.find("telegram", "ann") is None


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "x" * 65, "a\n", "ann'; --", "йо", "-a"])
async def test_what_is_no_name_makes_nobody(users: Users, db: Database, name: str) -> None:
    with pytest.raises(InvalidInput):
        await users.ensure("dev", name)
    assert await db.fetchval("select count(*) from app.user_account") == 0


async def test_nobody_is_missing(users: Users, keys: Keys) -> None:
    for ask in (users.get, users.plan, keys.of):
        with pytest.raises(Missing) as caught:
            await ask(404)
        assert caught.value.code == "no_account"


async def test_a_key_is_kept_and_survives_a_restart(users: Users, db: Database) -> None:
    master = secrets.token_bytes(32)
    people = Users(db, Keys(db, master), SignUp.of(plans(), waiting_max=1000))
    user_id = (await people.ensure("dev", "ann")).user_id
    sealed = (await Keys(db, master).of(user_id)).encrypt(b"diary", purpose=PAYLOAD)
    assert (await Keys(db, master).of(user_id)).decrypt(sealed, purpose=PAYLOAD) == b"diary"


async def test_a_destroyed_key_is_an_erased_person(users: Users, keys: Keys, db: Database) -> None:
    user_id = (await users.ensure("dev", "ann")).user_id
    await keys.of(user_id)
    await db.execute(FORGET_KEY, user_id)
    keys.forget(user_id)
    with pytest.raises(Missing):
        await keys.of(user_id)


async def test_the_cache_of_keys_is_bounded(users: Users, db: Database, keys: Keys) -> None:
    small = Keys(db, keys.master, keys_max=3)
    people = [(await users.ensure("dev", f"p{n}")).user_id for n in range(6)]
    for user_id in people * 2:
        assert (await small.of(user_id)).user_id == user_id
    assert len(small._cache) == 3


async def test_the_next_free_name(users: Users) -> None:
    assert await users.next_free("dev", "demo") == "demo-1"
    for name in ("demo-1", "demo-2", "demo-10", "demo-x", "demonstration-99"):
        await users.ensure("dev", name)
    assert await users.next_free("dev", "demo") == "demo-11"
