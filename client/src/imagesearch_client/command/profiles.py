"""Profiles: which API to ask under which key, kept in a file of one's own."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from imagesearch_client.command.exits import USAGE

MAX_BYTES = 1024 * 1024
"""Of the file; nobody has so many profiles."""
_FIELDS: Mapping[str, tuple[type, ...]] = {"server": (str,), "api_key": (str,), "patience": (int, float)}


class WrongProfile(click.ClickException):
    """The file of profiles cannot be used, or has no such profile."""

    exit_code = USAGE


@dataclass(frozen=True, slots=True)
class Profile:
    """Hold what a profile says; None is what it leaves to others."""

    server: str | None = None
    api_key: str | None = field(default=None, repr=False)
    patience: float | None = None


def config_path(environment: Mapping[str, str]) -> Path | None:
    """Return where the file of profiles lies, by the XDG base directory specification; None without a home."""
    base = environment.get("XDG_CONFIG_HOME", "")
    if not Path(base).is_absolute():
        home = environment.get("HOME")
        if not home:
            return None
        base = f"{home}/.config"
    return Path(base) / "imagesearch" / "config.toml"


def read_profile(name: str | None, environment: Mapping[str, str]) -> Profile:
    """Return the profile of a name; without one the file's default, or one that says nothing.

    Raises:
        WrongProfile: it is not there, or the file is wrong, or lies open to others while it holds a key.
    """
    path = config_path(environment)
    config = _read(path) if path is not None else None
    if path is None or config is None:
        if name is None:
            return Profile()
        raise WrongProfile(f"there is no profile {name!r}: {path or 'the file of profiles'} is not there")
    for key in config:
        if key not in ("default", "profiles"):
            raise WrongProfile(f"{path}: {key}: only default and profiles are known")
    profiles = config.get("profiles", {})
    chosen = name if name is not None else config.get("default")
    if chosen is None:
        return Profile()
    if not isinstance(chosen, str):
        raise WrongProfile(f"{path}: default: the name of a profile is expected")
    if not isinstance(profiles, dict) or chosen not in profiles:
        known = ", ".join(sorted(profiles)) if isinstance(profiles, dict) and profiles else "none"
        raise WrongProfile(f"{path}: there is no profile {chosen!r}; there is: {known}")
    return _profile(f"{path}: profiles.{chosen}", profiles[chosen])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WrongProfile(f"{path}: {error.strerror or error}") from error
    try:
        config = tomllib.loads(content[:MAX_BYTES].decode())
    except ValueError as error:
        raise WrongProfile(f"{path}: {error}") from None
    if stat.S_IMODE(mode) & 0o077 and _holds_key(config):
        raise WrongProfile(f"{path} holds an API key, and others may read or change it: chmod 600 {path}")
    return config


def _holds_key(config: dict[str, Any]) -> bool:
    profiles = config.get("profiles")
    held = profiles.values() if isinstance(profiles, dict) else ()
    return any(isinstance(profile, dict) and "api_key" in profile for profile in held)


def _profile(where: str, value: object) -> Profile:
    if not isinstance(value, dict):
        raise WrongProfile(f"{where}: a table is expected")
    for key, found in value.items():
        kinds = _FIELDS.get(key)
        if kinds is None:
            raise WrongProfile(f"{where}.{key}: only {', '.join(_FIELDS)} are known")
        if not isinstance(found, kinds) or isinstance(found, bool) or found == "":
            raise WrongProfile(f"{where}.{key}: a {'text' if str in kinds else 'number'} is expected")
    if value.get("patience", 0) < 0:
        raise WrongProfile(f"{where}.patience: it is less than 0")
    return Profile(**value)
