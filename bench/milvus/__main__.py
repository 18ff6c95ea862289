"""Compare index types on the real Milvus server: `make bench-milvus SIZE=1000000 PHOTOS=DIR WEIGHTS=FILE`.

INDEXES names some of them (`HNSW,IVF_SQ8`), RESULTS a file to which each line of the table is written at once.
Without PHOTOS the vectors are drawn.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.milvus import features
from bench.milvus.features import Mixtures
from bench.milvus.ground import BESIDE, CHUNK, KINDS, NAME, Ground
from bench.milvus.trial import SEARCHES, Questions, Trial, tried
from bench.milvus.truth import Nearest
from imagesearch.contract import Vectors
from imagesearch_extractor.settings import ExtractorSettings
from imagesearch_extractor.worker import load_network
from support.milvus_servers import MilvusServer

BESIDE_SHARE = 0.05
"""So many rows has the other collection, for one of the large one."""
QUESTIONS_SEED = 2**31
HEAD = (
    "| index | rows | build, s | load, s | after a kill, s | recall@10 | noise | search, ms | 100, ms "
    "| while writing, ms | rows/s | while building, ms | resident | machine's load |\n"
    f"|{'---|' * 14}"
)


def main() -> int:
    """Measure and print."""
    size = int(os.environ.get("SIZE") or 1_000_000)
    names = (os.environ.get("INDEXES") or ",".join(KINDS)).split(",")
    mixtures = Mixtures.of(_parts())
    questions = [mixtures.draw(SEARCHES, QUESTIONS_SEED), features.noise(SEARCHES, QUESTIONS_SEED)]
    with tempfile.TemporaryDirectory(prefix="bench-milvus-") as folder:
        server = MilvusServer(Path(folder).resolve() / "milvus")
        server.start()
        try:
            ground = Ground(server, size)
            nearest = [Nearest(vectors) for vectors in questions]
            seconds = ground.lay(NAME, _watched(features.chunks(mixtures, size, CHUNK), nearest))
            ground.lay(BESIDE, features.chunks(mixtures, int(size * BESIDE_SHARE), CHUNK))
            _say(f"{size:,} rows written in {seconds:.0f} s\n\n{HEAD}")
            photos, noise = (
                Questions(vectors, found.keys) for vectors, found in zip(questions, nearest, strict=True)
            )
            for name in names:
                _say(_line(tried(ground, KINDS[name], photos, noise, mixtures.draw), size))
        finally:
            server.end()
    return 0


def _watched(chunks: Iterator[Vectors], nearest: list[Nearest]) -> Iterator[Vectors]:
    first_key = 1
    for vectors in chunks:
        for one in nearest:
            one.look(vectors, first_key)
        first_key += len(vectors)
        yield vectors


def _parts() -> Vectors:
    """Return what vectors are mixed of; PARTS names a file that keeps it for the next run."""
    photos, kept = os.environ.get("PHOTOS"), Path(os.environ.get("PARTS") or "")
    if kept.is_file():
        found: Vectors = np.load(kept)
        return found
    if not photos:
        return features.drawn_parts()
    parts = features.parts_of_photos(Path(photos), load_network(ExtractorSettings(weights=os.environ["WEIGHTS"])))
    if kept.name:
        np.save(kept, parts)
    return parts


def _line(trial: Trial, size: int) -> str:
    cells = [
        trial.kind.name,
        f"{size:,}",
        f"{trial.build:.0f}",
        f"{trial.loaded:.0f}",
        f"{trial.restarted:.0f}",
        f"{trial.recall:.3f}",
        f"{trial.recall_noise:.3f}",
        *(f"{middle:.1f}, {high:.1f}" for middle, high in (trial.alone, trial.page, trial.writing)),
        f"{trial.written:.0f}",
        f"{trial.building[0]:.1f}, {trial.building[1]:.1f}",
        f"{trial.resident / 1e9:.2f} GB",
        f"{trial.load:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _say(text: str) -> None:
    print(text, flush=True)
    if results := os.environ.get("RESULTS"):
        with Path(results).open("a") as file:
            file.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
