"""Settings: where they come from, what they refuse and what they never show."""

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from ops.base import envfile
from ops.base.accounts import available, endpoints, key_setting, revealed
from ops.base.master_key import resolve_master_key
from ops.base.settings import KIE_UPLOAD_URL, PREFIX, Settings, load_settings
from ops.base.validators import is_loopback
from schemas.errors import ConfigError
from workers.suspect import child_settings

ROOT = Path(__file__).parents[2]
HTTPS_ONLY = "should begin with https:// (http:// is for loopback only)"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_follow_the_lease_and_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(lease_s=4, data_dir=tmp_path / "a b")
    assert settings.sweep_s == 0.5
    assert settings.blob_url == (tmp_path / "a b" / "blobs").as_uri()
    assert load_settings(sweep_s=3).sweep_s == 3


def test_the_data_folder_survives_a_chdir(tmp_path: Path) -> None:
    assert load_settings().data_dir == tmp_path / ".leyden"


def test_environment_wins_over_dotenv_and_empty_means_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("LEYDEN_PORT=1111\nLEYDEN_HOST=10.0.0.1\n", encoding="utf-8")
    monkeypatch.setenv("LEYDEN_PORT", "2222")
    monkeypatch.setenv("LEYDEN_LEASE_S", "")
    settings = load_settings()
    assert (settings.port, settings.host, settings.lease_s) == (2222, "10.0.0.1", 15.0)


def test_names_without_the_prefix_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@elsewhere/else")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("MASTER_KEY", KEY)
    settings = load_settings()
    assert (settings.database_url, settings.redis_url, settings.master_key) == (None, None, None)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("LEASE_S", "0", "LEYDEN_LEASE_S: should be greater than or equal to 1 (got 0)"),
        ("PORT", "70000", "LEYDEN_PORT: should be less than or equal to 65535 (got 70000)"),
        ("LOG_FORMAT", "xml", "LEYDEN_LOG_FORMAT: should be 'auto', 'json' or 'console' (got xml)"),
        ("BLOB_URL", "/blobs", "LEYDEN_BLOB_URL: should begin with file:// or s3:// (got /blobs)"),
        ("PUBLIC_URL", "http://a.example",
         f"LEYDEN_PUBLIC_URL: {HTTPS_ONLY} (got http://a.example)"),
        ("PUBLIC_URL", "a.example",
         "LEYDEN_PUBLIC_URL: should be an https:// address (got a.example)"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d",
         "LEYDEN_DATABASE_URL: should begin with postgres:// or postgresql://"),
        ("REDIS_URL", "hunter2", "LEYDEN_REDIS_URL: should begin with redis:// or rediss:// or unix://"),
        ("MASTER_KEY", "hunter2", "LEYDEN_MASTER_KEY: should be 32 bytes in URL-safe base64"),
        ("MASTER_KEY", "ключ", "LEYDEN_MASTER_KEY: should be 32 bytes in URL-safe base64"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert str(caught.value) == line


def test_a_value_with_line_breaks_still_makes_one_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(port="1\n2\r\n3")
    assert str(caught.value).endswith("(got 1 2 3)")


def test_the_lease_is_named_when_the_sweep_depends_on_it() -> None:
    with pytest.raises(ConfigError, match=r"^LEYDEN_LEASE_S: "):
        load_settings(lease_s="soon")


def test_a_dotenv_in_another_encoding_is_named() -> None:
    Path(".env").write_bytes(b"LEYDEN_HOST=\xff\xfe")
    with pytest.raises(ConfigError, match=r"^\.env: is not UTF-8 text$"):
        load_settings()


def test_repr_shows_no_secret() -> None:
    settings = load_settings(
        database_url="postgres://u:hunter2@h/d", redis_url="redis://:hunter2@h", master_key=KEY
    )
    assert "hunter2" not in repr(settings) + str(settings)
    assert KEY not in repr(settings) + str(settings)


def test_a_public_address_loses_its_last_slash() -> None:
    assert load_settings(public_url="https://a.example/x/").public_url == "https://a.example/x"
    assert load_settings(public_url="http://[::1]:8080").public_url == "http://[::1]:8080"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.8.0.1", True), ("::1", True), ("0.0.0.0", False),
     ("::", False), ("localhost.example", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_given_key_wins() -> None:
    assert resolve_master_key(load_settings(master_key=KEY), embedded=False) == bytes(range(32))
    assert resolve_master_key(load_settings(master_key=KEY), embedded=True) == bytes(range(32))
    assert not Path(".leyden").exists()


def test_a_database_of_ones_own_needs_a_key() -> None:
    with pytest.raises(ConfigError, match=r"^LEYDEN_MASTER_KEY: is required"):
        resolve_master_key(load_settings(), embedded=False)


def test_the_embedded_key_is_made_once_and_private() -> None:
    settings = load_settings()
    first = resolve_master_key(settings, embedded=True)
    assert len(first) == 32
    assert resolve_master_key(settings, embedded=True) == first
    file = settings.data_dir / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in settings.data_dir.iterdir()] == ["master.key"]


def test_many_starters_agree_on_one_key() -> None:
    settings = load_settings()
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: resolve_master_key(settings, embedded=True), range(64)))
    assert len(set(keys)) == 1


def test_a_damaged_key_file_is_refused_not_replaced() -> None:
    settings = load_settings()
    settings.data_dir.mkdir()
    file = settings.data_dir / "master.key"
    file.write_bytes(b"\xffhunter2")
    with pytest.raises(
        ConfigError, match=r"^LEYDEN_MASTER_KEY: .*master\.key is damaged"
    ) as caught:
        resolve_master_key(settings, embedded=True)
    assert "hunter2" not in str(caught.value)
    assert file.read_bytes() == b"\xffhunter2"


def test_the_example_file_is_what_the_class_says() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == envfile.render()


def test_the_example_file_can_be_used_as_it_is() -> None:
    text = envfile.render().replace(f"#{PREFIX}", PREFIX)
    Path(".env").write_text(text, encoding="utf-8")
    assert load_settings() == load_settings(_env_file=None)


def test_the_example_file_is_made_by_the_documented_command() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "ops.base.envfile"], cwd=ROOT, capture_output=True, check=True
    )
    assert made.stdout.decode() == envfile.render()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_says_what_it_is(name: str) -> None:
    assert len(Settings.model_fields[name].description or "") > 20


def test_a_key_is_all_that_a_provider_needs() -> None:
    settings = load_settings(openai_api_key="sk-one", kie_api_key="kie-two")
    assert available(load_settings()) == {"local"}
    assert available(settings) == {"local", "openai", "kie"}
    found = endpoints(settings)
    assert found["openai"].base_url == "https://api.openai.com/v1"
    assert found["kie"].upload_url == KIE_UPLOAD_URL
    assert "sk-one" not in repr(settings) + repr(found)
    assert key_setting("kie") == "LEYDEN_KIE_API_KEY"
    assert revealed(settings) == {"openai_api_key": "sk-one", "kie_api_key": "kie-two"}


def test_who_plays_kie_takes_its_files_too() -> None:
    told = {"kie_api_key": "k", "kie_base_url": "http://127.0.0.1:8090/kie/"}
    (kie,) = endpoints(load_settings(**told)).values()
    assert (kie.base_url, kie.upload_url) == ("http://127.0.0.1:8090/kie",) * 2
    (kie,) = endpoints(load_settings(**told, kie_upload_base_url="https://files.example")).values()
    assert kie.upload_url == "https://files.example"


@pytest.mark.parametrize("key", ["two words", "ключ", "line\nbreak"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(openai_api_key=key)
    problem = "should be one word of visible ASCII characters"
    assert str(caught.value) == f"LEYDEN_OPENAI_API_KEY: {problem}"


def test_a_provider_is_spoken_to_over_https() -> None:
    with pytest.raises(ConfigError, match=r"^LEYDEN_KIE_BASE_URL: should begin with https://"):
        load_settings(kie_base_url="http://api.example")


def test_a_child_is_given_keys_that_work() -> None:
    settings = load_settings(openrouter_api_key="sk-or", metrics_port=0)
    told = child_settings(settings)
    assert load_settings(**told).openrouter_api_key == settings.openrouter_api_key
