"""The command line of the local stack: `python -m imagesearch_local up`."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from imagesearch_local.errors import StackFailed
from imagesearch_local.layout import Layout


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for and return the exit status."""
    asked = _parser().parse_args(arguments)
    try:
        return _run(asked)
    except StackFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _run(asked: argparse.Namespace) -> int:
    layout = Layout.at(asked.data_dir)
    match asked.verb:
        case "up":
            from imagesearch_local.stack import Options, up

            options = Options(
                asked.port,
                _paths(asked.images),
                asked.weights,
                asked.networks,
                stores_only=asked.stores_only,
                milvus_uri=_setting("MILVUS_URI", ""),
            )
            return up(layout, options)
        case "demo":
            from imagesearch_local.demo import Demo

            return Demo(layout, asked.port, _paths(asked.images), asked.weights, once=asked.once).run()
        case "down":
            from imagesearch_local.stack import down

            return down(layout)
        case "status":
            from imagesearch_local.control import print_status

            return print_status(layout)
        case "await-ready":
            from imagesearch_local.readiness import announce

            return announce(asked.port)
        case "serve-milvus":
            from imagesearch_local.stores import milvus

            return milvus.serve(layout)
        case "serve-postgres":
            from imagesearch_local.stores import postgres

            return postgres.serve(layout)
        case _:
            from imagesearch_local.stores import valkey

            return valkey.serve(layout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("imagesearch_local", description="The whole system on one machine.")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", default=_setting("DATA_DIR", ".local"), help="what the system remembers")
    common.add_argument("--port", type=_port, default=_setting("PORT", "5000"), help="where the API listens")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, meaning in (("up", "start everything in the foreground"), ("demo", "index, search, then serve")):
        started = verbs.add_parser(verb, parents=[common], help=meaning)
        started.add_argument("--images", default=_setting("IMAGES", ""), help="where pictures may be read")
        started.add_argument("--weights", default=_setting("WEIGHTS", ""), help="imagenet, a file, random:SEED")
        if verb == "demo":
            once = _setting("ONCE", "0") not in ("0", "no", "false")
            started.add_argument("--once", action="store_true", default=once, help="end after the searches")
        else:
            started.add_argument(
                "--networks",
                type=_networks,
                default=_setting("NETWORKS", ""),
                help="further networks that run, as in resnet50=imagenet; several with commas",
            )
            started.add_argument("--stores-only", action="store_true", help=argparse.SUPPRESS)
    verbs.add_parser("down", parents=[common], help="stop the stack of the data directory")
    verbs.add_parser("status", parents=[common], help="list its processes")
    for verb in ("await-ready", "serve-milvus", "serve-postgres", "serve-valkey"):  # run by the stack itself
        verbs.add_parser(verb, parents=[common])
    return parser


def _setting(name: str, default: str) -> str:
    """Return a setting of the environment; an empty one counts as absent, because make passes all of them."""
    return os.environ.get(name) or default


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"PORT={text} is not a port: a number from 1 to 65535")
    return int(text)


def _networks(text: str) -> dict[str, str]:
    """Return the weights by network."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for network, _, weights in pairs:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", network.strip()) or not weights.strip():
            raise argparse.ArgumentTypeError(f"NETWORKS={text}: NAME=WEIGHTS is expected, as in resnet50=imagenet")
    return {network.strip(): weights.strip() for network, _, weights in pairs}


def _paths(text: str) -> tuple[Path, ...]:
    """Return the absolute paths in a list that is separated like PATH."""
    return tuple(Path(os.path.realpath(Path(part).expanduser())) for part in text.split(os.pathsep) if part)


if __name__ == "__main__":
    sys.exit(main())
