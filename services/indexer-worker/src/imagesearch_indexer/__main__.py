"""Start a process of the indexer service: `python -m imagesearch_indexer worker|scheduler`."""

from __future__ import annotations

import argparse
import sys

from imagesearch_indexer import scheduler, worker
from imagesearch_indexer.tasks import KINDS, register_tasks


def main() -> int:
    """Parse the command line and run the process that it names."""
    parser = argparse.ArgumentParser(prog="imagesearch_indexer")
    parser.add_argument("process", choices=["worker", "scheduler"])
    processes = {"worker": lambda: worker.run(KINDS, register_tasks), "scheduler": scheduler.run}
    return processes[parser.parse_args().process]()


if __name__ == "__main__":
    sys.exit(main())
