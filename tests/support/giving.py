"""Drop and paste pictures on a page, as people do from other windows."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import Page

GIVE = """([type, files]) => {
  const transfer = new DataTransfer();
  for (const [name, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type: "image/png" }));
  }
  const event = type === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def give(page: Page, event: str, *paths: Path) -> None:
    """Drop or paste the files at these paths; `event` is ``drop`` or ``paste``."""
    page.evaluate(GIVE, [event, [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in paths]])
