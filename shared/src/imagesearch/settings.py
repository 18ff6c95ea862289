"""Typed settings, one class per concern, read from the environment once at start.

Each setting says what it does; `describe` prints them for the log with secrets hidden.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_CALLBACK_HOST = re.compile(r"(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?(=[A-Za-z0-9_-]{1,64})?")
_BUCKET_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
_ENDPOINT_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?|https?://\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?/?")
DEFAULT_SECRETS = "default"


class Settings(BaseSettings):
    """Base of all settings: plain upper-case environment names, unknown ones ignored."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    def describe(self) -> dict[str, Any]:
        """Return the settings for the log, passwords in URLs replaced by ``***``."""
        return {name: _hide_password(value) for name, value in self.model_dump(mode="json").items()}


def _hide_password(value: Any) -> Any:
    if not isinstance(value, str) or "://" not in value:
        return value
    password = urlsplit(value).password
    return value.replace(f":{password}@", ":***@") if password else value


class PostgresSettings(Settings):
    """Where the catalogue lives."""

    database_url: str = Field(
        "postgresql+psycopg2://imagesearch@localhost/imagesearch",
        description="SQLAlchemy URL of Postgres. With `?sslmode=verify-full&sslrootcert=FILE` over TLS, the "
        "server's certificate checked against those in the file.",
    )
    database_pool_size: int = Field(8, ge=1, le=64, description="Connections a pool keeps open.")
    database_connect_timeout: int = Field(3, ge=1, description="Seconds until an unreachable server is an error.")
    database_statement_timeout_ms: int = Field(30_000, ge=100, description="Longest a statement may run.")
    database_idle_transaction_timeout_ms: int = Field(
        90_000,
        ge=100,
        description="Longest a transaction may pause between two statements or, over TCP, while it reads an "
        "answer, so that a frozen process does not hold its locks for ever. Calls to Milvus are made within "
        "transactions: keep it above MILVUS_TIMEOUT, and above the minute that it may take to have the vectors of "
        "a new index sealed.",
    )


class RedisSettings(Settings):
    """Where messages, results and caches live; all of it can be rebuilt from Postgres."""

    redis_url: str = Field(
        "redis://localhost:6379/0",
        description="Redis or Valkey, broker and results: `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or with "
        "`rediss://` over TLS. No options may follow.",
    )
    redis_ca_file: Path | None = Field(
        None,
        description="Certificates that Redis' own is checked against, its name too, for `rediss://`; unset takes "
        "those of the system.",
    )
    redis_timeout: float = Field(3.0, gt=0, description="Seconds until an unreachable server is an error.")
    visibility_timeout: int = Field(
        900, ge=1, description="Seconds after which an unacknowledged message is delivered again."
    )
    result_expires: int = Field(86_400, ge=60, description="Seconds that progress stays in the result backend.")

    @field_validator("redis_url")
    @classmethod
    def _without_options(cls, url: str) -> str:
        # Celery and Kombu take options of TLS from here, and some of them check no certificate.
        if urlsplit(url).query:
            raise ValueError("REDIS_URL takes no options: REDIS_CA_FILE names the certificates")
        return url

    def tls(self) -> dict[str, Any]:
        """Return what redis-py, Kombu and Celery are to be told of TLS; nothing where there is none."""
        if urlsplit(self.redis_url).scheme != "rediss":
            return {}
        authorities = {"ssl_ca_certs": str(self.redis_ca_file)} if self.redis_ca_file is not None else {}
        return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, **authorities}


class MilvusSettings(Settings):
    """Where the vectors live."""

    milvus_uri: str = Field(
        "http://localhost:19530", description="Milvus, or milvus-lite server; `https://` over TLS."
    )
    milvus_ca_file: Path | None = Field(
        None,
        description="Certificates that Milvus' own is checked against, for `https://`; unset takes those that "
        "gRPC brings.",
    )
    milvus_token: str = Field(
        "", repr=False, description="user:password or API key; empty without access control."
    )
    milvus_timeout: float = Field(10.0, gt=0, description="Seconds a call may take.")
    milvus_lite: bool = Field(False, description="The server is milvus-lite: one writer, flush after bulk loads.")

    def describe(self) -> dict[str, Any]:
        """Return the settings for the log without the token."""
        return {**super().describe(), "milvus_token": "***" if self.milvus_token else ""}


class PictureSettings(Settings):
    """Limits on pictures; one bomb must never take a worker down."""

    max_pixels: int = Field(
        64_000_000,
        ge=1,
        description="Largest width x height that is decoded. 64 megapixels take 256 MB while they are open, and "
        "two copies live at once during conversion: 0.5 GB a decoding thread at most, 1.3 GB for a WebP, HEIC or "
        "AVIF.",
    )
    min_side: int = Field(2, ge=1, description="Smallest width and height that is worth comparing.")
    max_file_bytes: int = Field(
        256 * 1024 * 1024, ge=1, description="Largest file a job reads; larger ones are recorded as too_large."
    )


class SourceSettings(Settings):
    """Which directories may be read at all."""

    image_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Directories, separated by ':', under which pictures may be read. Empty allows nothing."
    )

    upload_root: Path | None = Field(
        None,
        description="Where uploaded pictures are kept: a directory for them alone, never a source of jobs. It may "
        "lie below one of IMAGE_ROOTS, and then jobs leave it out. Unset takes no uploads.",
    )
    uploads_url: str = Field(
        "",
        description="Keeps uploads in an object store that speaks S3, in place of the directory: "
        "`s3://BUCKET/PREFIX`. UPLOAD_ROOT stays set: it begins the paths that the catalogue has, and nothing "
        "lies there. Credentials are found as every client of S3 finds them (`AWS_ACCESS_KEY_ID` and "
        "`AWS_SECRET_ACCESS_KEY`, `AWS_SHARED_CREDENTIALS_FILE`, a role). Empty keeps uploads in the directory.",
    )
    uploads_endpoint_url: str = Field(
        "", description="Where the object store of UPLOADS_URL is, as `https://host:port`; empty for AWS."
    )
    uploads_timeout: float = Field(30.0, gt=0, description="Seconds a call to the object store may take.")

    @field_validator("image_roots", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(Path(part) for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("image_roots")
    @classmethod
    def _absolute(cls, roots: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in roots:
            if not root.is_absolute():
                raise ValueError(f"IMAGE_ROOTS: {root} is not absolute")
        return tuple(Path(os.path.realpath(root)) for root in roots)

    @field_validator("upload_root")
    @classmethod
    def _apart(cls, root: Path | None, info: ValidationInfo) -> Path | None:
        if root is None:
            return None
        if not root.is_absolute():
            raise ValueError(f"{root} is not absolute")
        found = Path(os.path.realpath(root))
        # The files of a library are never the service's own.
        for library in info.data.get("image_roots", ()):
            if library != found and library.is_relative_to(found):
                raise ValueError(f"{root} holds {library}, which is one of IMAGE_ROOTS; uploads need their own")
        return found

    @field_validator("uploads_url")
    @classmethod
    def _bucket(cls, url: str, info: ValidationInfo) -> str:
        # A password in it would be told to whoever reads the log.
        if url and not _BUCKET_URL.fullmatch(url):
            raise ValueError("UPLOADS_URL is not like 's3://bucket/prefix'")
        if url and info.data.get("upload_root") is None:
            raise ValueError("UPLOADS_URL needs UPLOAD_ROOT, with which the paths of uploads begin")
        return url

    @field_validator("uploads_endpoint_url")
    @classmethod
    def _endpoint(cls, url: str) -> str:
        if url and not _ENDPOINT_URL.fullmatch(url):
            raise ValueError("UPLOADS_ENDPOINT_URL is not like 'https://host:port'")
        return url


class ExportSettings(Settings):
    """Where exports are written."""

    export_root: Path | None = Field(
        None,
        description="Directory in which indexers write exports, and from which the API sends them: one that all "
        "of them share, apart from IMAGE_ROOTS and UPLOAD_ROOT. Unset, and without EXPORTS_URL, nothing is "
        "exported.",
    )
    exports_url: str = Field(
        "",
        description="Keeps exports in an object store, in place of the directory: `s3://BUCKET/PREFIX`, in the "
        "store of UPLOADS_ENDPOINT_URL, within UPLOADS_TIMEOUT and with the credentials of uploads.",
    )

    @field_validator("export_root")
    @classmethod
    def _absolute(cls, root: Path | None) -> Path | None:
        if root is not None and not root.is_absolute():
            raise ValueError(f"EXPORT_ROOT: {root} is not absolute")
        return root

    @field_validator("exports_url")
    @classmethod
    def _bucket(cls, url: str) -> str:
        # A password in it would be told to whoever reads the log.
        if url and not _BUCKET_URL.fullmatch(url):
            raise ValueError("EXPORTS_URL is not like 's3://bucket/prefix'")
        return url


class CallbackSettings(Settings):
    """Whom jobs may call back."""

    callback_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts, separated by commas, that may be told of the end of a job, over https: 'example.com', "
        "'example.com:8443' or '*.example.com'. With '=NAME' behind it, what it is told is signed with the "
        "secrets NAME, otherwise with `default`. Empty tells nobody.",
    )

    @field_validator("callback_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("callback_hosts")
    @classmethod
    def _named(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _CALLBACK_HOST.fullmatch(host):
                raise ValueError(f"CALLBACK_HOSTS: {host!r} is not like 'example.com:8443=NAME'")
        return hosts

    def secrets_by_host(self) -> dict[str, str]:
        """Return the name of the secrets of each host, in the order of the setting."""
        pairs = (host.partition("=") for host in self.callback_hosts)
        return {host: name or DEFAULT_SECRETS for host, _, name in pairs}
