"""Start a process of the indexer service: `python -m imagesearch_indexer worker|scheduler`."""

from __future__ import annotations

import argparse
import sys

from imagesearch_indexer import scheduler, worker


def main() -> int:
    """Parse the command line and run the process that it names."""
    parser = argparse.ArgumentParser(prog="imagesearch_indexer")
    parser.add_argument("process", choices=["worker", "scheduler"])
    return {"worker": worker.run, "scheduler": scheduler.run}[parser.parse_args().process]()


if __name__ == "__main__":
    sys.exit(main())
