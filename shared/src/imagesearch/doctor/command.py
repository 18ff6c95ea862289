"""`python -m imagesearch.admin doctor`: look at everything from here, with the settings of this process."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from dataclasses import asdict

from imagesearch.catalog.engine import Catalog
from imagesearch.doctor.examine import Patient, examine, is_healthy
from imagesearch.files.roots import Roots
from imagesearch.messaging.broker import create_redis
from imagesearch.settings import MilvusSettings, RedisSettings, SourceSettings
from imagesearch.vectors.milvus import MilvusVectorStore


def doctor(catalog: Catalog, options: argparse.Namespace) -> int:
    """Print a line about each thing, and return 1 when one of them is a problem."""
    with closing(create_redis(RedisSettings())) as client, closing(MilvusVectorStore(MilvusSettings())) as vectors:
        found = examine(Patient(catalog, vectors, client, Roots.of(SourceSettings())))
    for line in found:
        sys.stdout.write(f"{json.dumps(asdict(line)) if options.json else line}\n")
    return 0 if is_healthy(found) else 1


def add_doctor(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to a command line."""
    parser = parts.add_parser("doctor", help="say what is wrong with the system, and what to do")
    parser.add_argument("--json", action="store_true", help="print a line of JSON each")
    parser.set_defaults(run=doctor)
