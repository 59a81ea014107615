"""As whom the servers run: root in a namespace, root as nobody, and an ordinary user."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from ops.stack import StackHandle, erase, folders, open_stack
from ops.stack.identity import Identity, Mode
from schemas.errors import ConfigError

REPOSITORY = Path(__file__).parents[2]
AS_NOBODY = """
import os, pwd, sys
from pathlib import Path
from ops.base.logs import configure
from ops.stack import open_stack
configure()
nobody = pwd.getpwnam("nobody")
os.setgroups([]), os.setgid(nobody.pw_gid), os.setuid(nobody.pw_uid)
if not os.access(sys.executable, os.X_OK):  # the interpreter lies in root's home
    sys.executable = "/usr/bin/python3"
for _ in range(2):
    with open_stack(Path(sys.argv[1])) as stack:
        print(stack.owned, stack.postgres_version, stack.redis_version, flush=True)
"""

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux has user namespaces")


def _user_of(stack: StackHandle) -> int:
    mark = stack.servers.postgres.mark
    assert mark is not None
    return Path(f"/proc/{mark.pid}").stat().st_uid


async def _answers(stack: StackHandle) -> bool:
    connection = await asyncpg.connect(stack.database_url)
    try:
        return bool(await connection.fetchval("select true"))
    finally:
        await connection.close()


@root_only
@linux_only
async def test_in_a_namespace_all_files_stay_roots(tmp_path: Path) -> None:
    here = Identity(Mode.NAMESPACE, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    if not here.can_run(["/bin/true"]):
        pytest.skip("this kernel gives root no user namespace")
    data_dir = tmp_path / ".leyden"
    with open_stack(data_dir, redis_url="redis://c/1", durable=False) as stack:
        assert await _answers(stack)
        assert _user_of(stack) == 0
    assert {path.lstat().st_uid for path in data_dir.rglob("*")} == {0}


@pytest.fixture
def shelter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shelter of the test's own, and a kernel that forbids namespaces."""
    place = Path(tempfile.mkdtemp(prefix="leyden-shelter-"))
    monkeypatch.setattr(folders, "SHELTER", place / "leyden")
    place.chmod(0o755)
    monkeypatch.setattr(Identity, "can_run", lambda _self, _argv: False)
    yield place / "leyden"
    shutil.rmtree(place)


@root_only
@linux_only
async def test_without_namespaces_root_becomes_nobody(tmp_path: Path, shelter: Path) -> None:
    data_dir = tmp_path / ".leyden"
    for _ in range(2):
        with open_stack(data_dir, redis_url="redis://c/1", durable=False) as stack:
            assert await _answers(stack)
            assert _user_of(stack) == pwd.getpwnam("nobody").pw_uid
    assert data_dir.stat().st_uid == 0
    assert data_dir.stat().st_mode & 0o777 == 0o700
    home = (data_dir / "postgres").resolve()
    assert home.parent == shelter
    assert home.stat().st_mode & 0o777 == 0o700

    home.rename(shelter / "elsewhere")
    with pytest.raises(ConfigError, match="which is gone"):
        open_stack(data_dir)
    (shelter / "elsewhere").rename(home)
    erase(data_dir)
    assert not home.exists()


@root_only
async def test_data_made_in_a_namespace_is_refused_where_there_is_none(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    data_dir = tmp_path / ".leyden"
    (data_dir / "postgres").mkdir(parents=True)
    request.getfixturevalue("shelter")
    with pytest.raises(ConfigError, match="LEYDEN_DATA_DIR"):
        open_stack(data_dir)


@root_only
def test_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, pwd.getpwnam("nobody").pw_uid, -1)
    with pytest.raises(ConfigError, match="belongs to user"):
        open_stack(tmp_path)


def _everyone_may_read(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))


@root_only
@pytest.mark.skipif(not _everyone_may_read(REPOSITORY), reason="others cannot read this checkout")
def test_an_ordinary_user_runs_it_too() -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="leyden-user-") as home:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)

        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, f"{home}/.leyden"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        first, second = done.stdout.splitlines()
        assert first == second
        assert first.startswith("True 18.")
        assert {path.lstat().st_uid for path in Path(home).rglob("*")} == {nobody.pw_uid}
