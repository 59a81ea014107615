"""Every endpoint and every limit, read once at start from LEYDEN_* variables or a `.env` file.

A wrong value stops the start with one line that names the setting. What may hold a secret is never
printed: neither by `repr` nor in that line. A bare DATABASE_URL or REDIS_URL is ignored on purpose,
so that a shell prepared for another product cannot point this one at the wrong database.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from ops.base.validators import (
    absolute_path,
    channel_name,
    key_of_32_bytes,
    one_word,
    public_address,
    scheme_of,
    webhook_word,
)
from schemas.errors import ConfigError

PREFIX = "LEYDEN_"
KIB = 1024
MIB = 1024 * KIB
SHOWN_MAX = 80
KIE_URL = "https://api.kie.ai"
KIE_UPLOAD_URL = "https://kieai.redpandaai.co"
TELEGRAM_URL = "https://api.telegram.org"

Port = Annotated[int, Field(ge=0, le=65_535)]
PostgresUrl = Annotated[str, AfterValidator(scheme_of("postgres", "postgresql"))]
RedisUrl = Annotated[str, AfterValidator(scheme_of("redis", "rediss", "unix"))]
BlobUrl = Annotated[str, AfterValidator(scheme_of("file", "s3"))]
PublicUrl = Annotated[str, AfterValidator(public_address)]
DataDir = Annotated[Path, AfterValidator(absolute_path)]
MasterKey = Annotated[SecretStr, AfterValidator(key_of_32_bytes)]
ApiKey = Annotated[SecretStr, AfterValidator(one_word)]
ChannelName = Annotated[str, AfterValidator(channel_name)]
WebhookSecret = Annotated[SecretStr, AfterValidator(webhook_word)]


def _eighth_of_the_lease(values: dict[str, Any]) -> float:
    return float(values["lease_s"]) / 8


def _blobs_in_data_dir(values: dict[str, Any]) -> str:
    return (Path(values["data_dir"]) / "blobs").as_uri()


def _uploads_beside_kie(values: dict[str, Any]) -> str:
    """kie.ai takes files on a host of its own; who plays kie.ai elsewhere takes them there."""
    base_url = str(values.get("kie_base_url", KIE_URL))
    return KIE_UPLOAD_URL if base_url == KIE_URL else base_url


class Settings(BaseSettings):
    """What one process was told at its start; it never changes while the process lives."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    # Stores
    data_dir: DataDir = Field(
        Path(".leyden"), description="Folder of the embedded stack, its keys, blobs and output."
    )
    database_url: PostgresUrl | None = Field(
        None, repr=False, description="PostgreSQL 15 or later. Empty: the embedded one."
    )
    database_pool_size: int = Field(
        10, ge=1, le=200, description="Connections to PostgreSQL a process may hold."
    )
    database_timeout_s: float = Field(
        10.0, gt=0, le=600, description="Longest wait for one statement, in seconds."
    )
    redis_url: RedisUrl | None = Field(
        None, repr=False, description="Redis 7 or Valkey 8, or later. Empty: the embedded one."
    )
    redis_timeout_s: float = Field(
        5.0, gt=0, le=60, description="Longest wait for one answer of Redis, in seconds."
    )
    blob_url: BlobUrl = Field(
        default_factory=_blobs_in_data_dir,
        description="Where files are kept: file:///folder or s3://bucket/prefix. "
        "One store for all processes. Empty: the folder `blobs` in the data folder.",
    )
    disk_free_min_bytes: int = Field(
        256 * MIB,
        ge=0,
        description="Free space below which new jobs and files are refused, in bytes, when files are "
        "kept in a folder. 0: never.",
    )
    master_key: MasterKey | None = Field(
        None,
        description="32 bytes in URL-safe base64; encrypts the keys of all users. Required with a "
        "database of your own; made in the data folder on the embedded stack.",
    )

    # Jobs
    lease_s: float = Field(
        15.0, ge=1, le=600, description="How long a silent worker keeps a job, in seconds."
    )
    sweep_s: float = Field(
        default_factory=_eighth_of_the_lease,
        gt=0,
        le=600,
        description="Pause between two sweeps, in seconds. Empty: an eighth of the lease.",
    )
    waiting_max: int = Field(
        1000, ge=1, description="Jobs one user may have waiting before new ones are refused."
    )
    concurrency: int = Field(
        50, ge=1, le=1000, description="Jobs one worker process has in hand at a time."
    )
    batch_size_max: int = Field(
        100, ge=1, le=1000, description="Calls gathered into one statement, at most."
    )
    grace_s: float = Field(
        25.0, ge=0, le=600, description="Time to finish after SIGTERM, in seconds."
    )
    payload_max_bytes: int = Field(
        256 * KIB, ge=KIB, le=16 * MIB, description="Largest input of a job, in bytes of JSON."
    )

    # Child processes: CPU work and the decoding of untrusted media
    children: int = Field(2, ge=1, le=64, description="Child processes a worker keeps.")
    child_timeout_s: float = Field(
        60.0, gt=0, le=3600, description="Longest piece of work in a child, in seconds."
    )
    child_memory_max_bytes: int = Field(
        1024 * MIB, ge=128 * MIB, description="Memory of one child, in bytes."
    )
    decode_timeout_s: float = Field(
        10.0, gt=0, le=600, description="Longest decoding of one uploaded file, in seconds."
    )
    decode_memory_max_bytes: int = Field(
        512 * MIB, ge=128 * MIB, description="Memory for decoding one uploaded file, in bytes."
    )
    decode_pixels_max: int = Field(
        24_000_000, ge=1, description="Largest picture accepted, in pixels of one frame."
    )
    decode_pixels_total_max: int = Field(
        200_000_000, ge=1, description="Largest animation accepted, in pixels of all frames."
    )

    # The edge
    host: str = Field("127.0.0.1", min_length=1, description="Address the servers listen on.")
    port: Port = Field(8080, description="Port of the HTTP API; 0 takes any free one.")
    public_url: PublicUrl | None = Field(
        None, description="How the outside reaches the API, without a slash at the end."
    )
    upload_max_bytes: int = Field(
        20 * MIB, ge=KIB, le=2048 * MIB, description="Largest file that may be sent, in bytes."
    )

    # Providers: a key is all it takes; without any, the local provider does the work
    openai_base_url: PublicUrl = Field(
        "https://api.openai.com/v1", description="Where OpenAI answers."
    )
    openai_api_key: ApiKey | None = Field(None, description="Key of OpenAI. Empty: not used.")
    openrouter_base_url: PublicUrl = Field(
        "https://openrouter.ai/api/v1", description="Where OpenRouter answers."
    )
    openrouter_api_key: ApiKey | None = Field(
        None, description="Key of OpenRouter. Empty: not used."
    )
    kie_base_url: PublicUrl = Field(KIE_URL, description="Where kie.ai answers.")
    kie_api_key: ApiKey | None = Field(None, description="Key of kie.ai. Empty: not used.")
    kie_upload_base_url: PublicUrl = Field(
        default_factory=_uploads_beside_kie,
        description="Where kie.ai takes files. Empty: its own host for files, or the address above "
        "when that is another one.",
    )
    openrouter_webhook_secret: ApiKey | None = Field(
        None,
        description="What OpenRouter signs its callbacks with. Empty: the mark in their address decides.",
    )
    kie_webhook_secret: ApiKey | None = Field(
        None,
        description="What kie.ai signs its callbacks with. Empty: the mark in their address decides.",
    )

    # Telegram
    telegram_bots: SecretStr | None = Field(
        None,
        description="The bots, as name:token pairs separated by commas (viaizer, text_ai); "
        "viaizer+text_ai:token is one bot with both. Empty: none, and `leyden up` plays Telegram.",
    )
    telegram_base_url: PublicUrl = Field(
        TELEGRAM_URL, description="Where the Bot API answers: Telegram, or a server of your own."
    )
    telegram_mode: Literal["polling", "webhook"] = Field(
        "polling",
        description="How updates come: polling asks for them, webhook needs the public address.",
    )
    telegram_webhook_secret: WebhookSecret | None = Field(
        None,
        description="What Telegram must send with each update. Empty: derived from the master key.",
    )
    bonus_channel: ChannelName = Field(
        "",
        description="A public channel (@name) that people get a bonus for joining; a bot must be "
        "its administrator to see who is in it. Empty: no such bonus.",
    )

    # Seeing it run
    metrics_port: Port | None = Field(
        None,
        description="Port on which a worker shows its metrics; 0 takes any free one. Empty: none.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important level that is written: debug, info, warning or error."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console, or auto: console on a terminal and json elsewhere."
    )


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; `overrides` (field names) win over the environment.

    Raises ConfigError naming the first setting that is wrong, in one line without secrets.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise _config_error(error.errors()[0]) from None
    except UnicodeDecodeError:
        raise ConfigError(setting=".env", problem="is not UTF-8 text") from None


def _config_error(detail: ErrorDetails) -> ConfigError:
    name = str(detail["loc"][0])
    problem = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if not _may_hold_secret(name):
        shown = " ".join(str(detail["input"]).split())[:SHOWN_MAX]
        problem = f"{problem} (got {shown})"
    return ConfigError(setting=PREFIX + name.upper(), problem=problem)


def _may_hold_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is None or not field.repr or "SecretStr" in str(field.annotation)
