"""What the API answers about exports, and how their files are kept in a directory."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from imagesearch_client.errors import ProtocolError
from imagesearch_client.fields import Fields

MANIFEST = "manifest.json"
_NAME = re.compile(r"part-[A-Za-z0-9-]{1,100}\.parquet")


@dataclass(frozen=True, slots=True)
class Export:
    """Describe what a job has exported, and what made the vectors."""

    job_id: str
    collection: str
    partition: str | None
    """The only one that it holds; None where it holds all."""
    rows: int
    lost: int
    """Pictures that are not in it: the vector store has lost their vectors, and `failures` names them."""
    parts: int
    bytes: int
    network: str
    model: str | None
    fingerprint: str | None
    """Vectors of equal ones are comparable."""
    pipeline: str | None
    preprocessing: Mapping[str, Any]
    dimension: int
    metric: str
    format: int

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read an export from JSON. Raises ProtocolError."""
        fields = Fields(value, "an export")
        return cls(
            job_id=fields.identifier("job_id"),
            collection=fields.text("collection"),
            partition=fields.optional_text("partition"),
            rows=fields.integer("rows"),
            lost=fields.integer("lost"),
            parts=fields.integer("parts"),
            bytes=fields.integer("bytes"),
            network=fields.text("network"),
            model=fields.optional_text("model"),
            fingerprint=fields.optional_text("fingerprint"),
            pipeline=fields.optional_text("pipeline"),
            preprocessing=fields.mapping("preprocessing"),
            dimension=fields.integer("dimension"),
            metric=fields.text("metric"),
            format=fields.integer("format"),
        )


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Describe one Parquet file of an export."""

    number: int
    name: str
    rows: int
    bytes: int
    sha256: str
    url: str

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read a part from JSON. Raises ProtocolError."""
        fields = Fields(value, "a part of an export")
        return cls(
            number=fields.integer("number"),
            name=fields.text("name"),
            rows=fields.integer("rows"),
            bytes=fields.integer("bytes"),
            sha256=fields.text("sha256"),
            url=fields.text("url"),
        )


class ExportFolder:
    """Keep the files of an export in a directory, which is made with the first one.

    Every method may raise OSError: the directory cannot be written to.
    """

    def __init__(self, directory: str | Path) -> None:
        self._folder = Path(directory)

    def path_of(self, part: ExportPart) -> Path:
        """Return where a part lies. Raises ProtocolError: its name leads elsewhere."""
        if not _NAME.fullmatch(part.name):
            raise ProtocolError(f"the API names a part of an export {part.name!r}")
        return self._folder / part.name

    def holds(self, part: ExportPart) -> bool:
        """Tell whether a part is there, with the bytes that it has to have."""
        try:
            with self.path_of(part).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == part.sha256
        except FileNotFoundError:
            return False

    def keep(self, part: ExportPart, data: bytes) -> None:
        """Write a part. Raises ProtocolError: its digest says that these are other bytes."""
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise ProtocolError(f"part {part.number} of the export arrived with other bytes than it has")
        self._write(self.path_of(part), data)

    def describe(self, made: Export, parts: Sequence[ExportPart]) -> None:
        """Write what an export is, with its parts, beside them."""
        said = {name: value for name, value in asdict(made).items() if name not in ("parts", "bytes")}
        listed = [{name: value for name, value in asdict(part).items() if name != "url"} for part in parts]
        text = json.dumps({**said, "parts": listed}, indent=1, ensure_ascii=False)
        self._write(self._folder / MANIFEST, text.encode())

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file wholly or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}")
        draft.write_bytes(data)
        draft.replace(path)
