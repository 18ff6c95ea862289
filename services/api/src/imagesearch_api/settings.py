"""Settings of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from imagesearch.settings import Settings
from imagesearch_api.origins import Authority, Origin

EVERY_ORIGIN = "*"


class ApiSettings(Settings):
    """How the API talks to the outside."""

    max_upload_bytes: int = Field(16 * 1024 * 1024, ge=1, description="Largest picture that may be uploaded.")
    max_body_bytes: int = Field(
        64 * 1024 * 1024, ge=1, description="Largest JSON body; a list of 500,000 paths fits into it."
    )
    query_timeout: float = Field(5.0, gt=0, description="Seconds a search waits for the query extractor.")
    query_timeout_each: float = Field(
        0.5, ge=0, description="Seconds that each further picture of a batch may take on top."
    )
    max_searches: int = Field(
        12, ge=1, description="Searches in flight in one process; more get 429 at once. Fewer than its threads."
    )
    max_compared_images: int = Field(
        5_000,
        ge=0,
        description="Largest collection, or partition, whose duplicates are found while the caller waits: 5,000 "
        "took 0.8 s on two busy cores. Larger ones are a job.",
    )
    index_timeout: float = Field(
        10.0, ge=0, description="Seconds an upload or a change waits until it is searchable; then it is a job."
    )
    allowed_url_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts, separated by commas, that pictures to search by may be fetched from over https: "
        "'example.com', 'example.com:8443' or '*.example.com'. Empty fetches nothing.",
    )
    url_timeout: float = Field(5.0, gt=0, description="Seconds that fetching a URL may take, redirects included.")
    delete_timeout: float = Field(5.0, ge=0, description="Seconds a delete waits until its vectors are gone.")
    query_cache_seconds: int = Field(
        3_600, ge=0, description="How long the vector of an uploaded picture is kept."
    )
    public_url: str = Field("", description="Base of picture URLs; empty takes the host that the caller asked.")
    trusted_proxies: int = Field(0, ge=0, description="Proxies in front whose X-Forwarded headers are believed.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        ("http://localhost:8001", "http://127.0.0.1:8001"),
        description="Origins, separated by commas, whose pages may call the API; '*' allows all.",
    )

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, separated by commas, that requests to a loopback address may give as their host, "
        "besides loopback names and the host of PUBLIC_URL: those of a proxy in front.",
    )

    @field_validator("cors_origins", "allowed_url_hosts", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
        )

    @field_validator("cors_origins")
    @classmethod
    def _as_browsers_write(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_origin(text) for text in origins)

    @field_validator("allowed_hosts")
    @classmethod
    def _without_ports(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_host(text) for text in hosts)


def _origin(text: str) -> str:
    found = Origin.parse(text)
    if found is None and text != EVERY_ORIGIN:
        raise ValueError(f"CORS_ORIGINS: {text!r} is not an origin, like 'https://example.com:8443'")
    return str(found or text)


def _host(text: str) -> str:
    found = Authority.parse(text)
    if found is None or found.port is not None:
        raise ValueError(f"ALLOWED_HOSTS: {text!r} is not the name of a host, like 'example.com'")
    return found.host
