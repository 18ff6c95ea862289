"""Ask the API whether the whole system can work."""

from __future__ import annotations

import http.client
import sys
import time

from imagesearch_local.ports import LOOPBACK

ASK_EVERY_SECONDS = 0.5
REMIND_EVERY_SECONDS = 20.0


def reason_unready(port: int) -> str | None:
    """Return None once ``/readyz`` says yes, otherwise what it says or why it cannot be asked."""
    # http.client, unlike urllib, never goes through a proxy.
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(4096).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"the API does not answer yet ({error})"
    finally:
        connection.close()
    return None if answer.status == 200 else f"{answer.status} {body}"


def announce(port: int) -> int:
    """Wait until the system is ready, say so, and say now and then what it waits for."""
    started = reminded = time.monotonic()
    while reason := reason_unready(port):
        if time.monotonic() - reminded > REMIND_EVERY_SECONDS:
            reminded = time.monotonic()
            sys.stdout.write(f"not ready yet: {reason}\n")
            sys.stdout.flush()
        time.sleep(ASK_EVERY_SECONDS)
    sys.stdout.write(f"http://{LOOPBACK}:{port} is ready after {time.monotonic() - started:.0f} s\n")
    return 0
