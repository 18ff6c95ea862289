"""Write the settings' part of .env.example from the settings classes themselves: `make docs`."""

from __future__ import annotations

from pathlib import Path

import yaml

from tools.settings_page import GROUPS, default_of

REPOSITORY = Path(__file__).parents[1]
EXAMPLE = REPOSITORY / ".env.example"
COMPOSE = REPOSITORY / "docker-compose.yml"
MARK = "# --- written by `make docs` from here on ---\n"


def given_by_compose() -> dict[str, object]:
    """Return the settings to which docker-compose.yml itself gives a value in some service."""
    services = yaml.safe_load(COMPOSE.read_text())["services"].values()
    return {
        name: value
        for service in services
        for name, value in (service.get("environment") or {}).items()
        if value is not None
    }


def example() -> str:
    """Return the whole file: what stands above the mark, then every setting with its default."""
    by_hand = EXAMPLE.read_text().partition(MARK)[0]
    given = given_by_compose()
    parts = [by_hand, MARK]
    for group, readers in GROUPS:
        about = (group.__doc__ or "").split("\n", 1)[0]
        parts.append(f"\n# {about} Read by: {readers}.\n")
        for field_name, field in group.model_fields.items():
            name = field_name.upper()
            if name in given or name == "HEARTBEAT_FILE":
                parts.append(f"# {name} is set by docker-compose.yml or by the image.\n")
            else:
                parts.append(f"#{name}={default_of(field.default)}\n")
    return "".join(parts)


if __name__ == "__main__":
    EXAMPLE.write_text(example())
