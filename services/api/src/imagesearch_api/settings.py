"""Settings of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from imagesearch.settings import Settings
from imagesearch_api.http.lanes import RESERVE, Lane
from imagesearch_api.http.origins import EVERY_ORIGIN, Authority, Origin

MEGABYTE = 2**20


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
    max_searches: int = Field(12, ge=1, description="Searches in flight in one process; more get 429 at once.")
    max_reads: int = Field(8, ge=1, description="Lists, counts and other plain reads in flight, likewise.")
    max_pictures: int = Field(12, ge=1, description="Thumbnails and comparisons in flight, likewise.")
    max_explanations: int = Field(
        2,
        ge=1,
        description="Searches and comparisons that explain a similarity in flight, likewise; each takes a place "
        "of its kind as well.",
    )
    max_files: int = Field(8, ge=1, description="Files of images being sent, likewise.")
    max_changes: int = Field(
        8, ge=1, description="Uploads, changes and deletes in flight, likewise; each may wait for the indexer."
    )
    max_submissions: int = Field(
        4,
        ge=1,
        description="Jobs being submitted, and duplicates being looked for while the caller waits, likewise.",
    )
    max_waits: int = Field(
        16,
        ge=1,
        description="Callers that wait for a job or watch it, likewise; each has a thread of its own, and takes "
        "none from searches. More are to poll.",
    )
    max_status: int = Field(
        4,
        ge=1,
        description="Checks of readiness and looks at the published interface's progress in flight, likewise; the "
        "latter are then answered with what was seen last.",
    )
    max_decoding_bytes: int = Field(
        1200 * MEGABYTE,
        ge=1,
        description="Memory for decoding pictures, in one process. A third is kept for pictures that take at most "
        "a sixth, about 20 megapixels. Others wait for their turn; one that takes more than there is, is decoded "
        "when it has all of it.",
    )
    max_held_bytes: int = Field(
        512 * MEGABYTE,
        ge=1,
        description="Memory for pictures as files, in one process: half for those that come with requests, half "
        "for those that are read from the library.",
    )
    thumbnail_cache_bytes: int = Field(
        64 * MEGABYTE,
        ge=0,
        description="Memory for thumbnails, in one process; of 256 pixels it holds some 5,000. Zero keeps none.",
    )
    memory_timeout: float = Field(
        10.0, ge=0, description="Seconds that a request waits for this memory; then it gets 429."
    )
    header_timeout: float = Field(
        10.0, gt=0, description="Seconds that a request's line and headers may take to arrive."
    )
    body_timeout: float = Field(
        20.0, gt=0, description="Seconds that a body may take to arrive, and one more for every 64 KiB of it."
    )
    send_timeout: float = Field(
        30.0, gt=0, description="Seconds that a caller may need for each 256 KiB of an answer; then it is cut off."
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
    delete_timeout: float = Field(
        5.0,
        ge=0,
        description="Seconds a delete of a collection waits until it is gone, and one by filter looks for images.",
    )
    query_cache_seconds: int = Field(
        3_600, ge=0, description="How long the vector of an uploaded picture is kept."
    )
    max_key_lookups: int = Field(
        16, ge=1, description="API keys being looked up in Postgres in one process; those in use are remembered."
    )
    api_keys: bool = Field(
        True,
        description="Callers need an API key. It may be false only where the API listens on loopback addresses: "
        "elsewhere it does not start then.",
    )
    api_key_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="For so long a process believes what it knows of an API key: a revoked one holds no longer.",
    )
    requests_per_minute: int = Field(
        12_000,
        ge=0,
        description="Requests that one API key may send in a minute to all processes together, or one address "
        "where keys are switched off; more get 429. 0 is no bound.",
    )
    wrong_keys_per_minute: int = Field(
        30,
        ge=0,
        description="API keys that do not hold which may come from one address in a minute; more get 429, and so "
        "do all keys from there that have not been used from there before. 0 is no bound.",
    )
    session_seconds: int = Field(
        43_200, ge=60, le=86_400, description="How long a session of a page holds, POST /api/v2/session."
    )
    picture_url_seconds: int = Field(
        3_600,
        ge=60,
        le=57_600,
        description="How long the signed URL of a picture holds, at least; at most half as long again.",
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

    def places(self) -> dict[Lane, int]:
        """Return how many requests each lane admits."""
        return {
            Lane.SEARCHES: self.max_searches,
            Lane.READS: self.max_reads,
            Lane.PICTURES: self.max_pictures,
            Lane.EXPLANATIONS: self.max_explanations,
            Lane.FILES: self.max_files,
            Lane.CHANGES: self.max_changes,
            Lane.SUBMISSIONS: self.max_submissions,
            Lane.WAITS: self.max_waits,
            Lane.STATUS: self.max_status,
            Lane.KEYS: self.max_key_lookups,
        }

    def threads(self) -> int:
        """Return how many threads a process needs, so that full lanes leave some for what has none."""
        return sum(self.places().values()) + RESERVE


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
