"""What the users of a shared library do to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from support.faults.shared_library import NAME, SharedLibrary, User

MAX_OPEN_JOBS = 3
PREPROCESSINGS: tuple[dict[str, Any], ...] = (
    {"preprocessing": {"resize": "bilinear"}},
    {"preprocessing": {"resize": "nearest"}},
    {},
)


class Editor(User):
    """Change, add and remove files."""

    def act(self) -> None:
        moving = self.library.moving
        files = sorted(moving.iterdir())
        what = self.pick.choice(("change", "change", "add", "add", "break", "remove", "remove"))
        if what == "add" or len(files) < 40:
            self.library.put(moving / f"{self.pick.randrange(200):03}.jpg", self.library.draw())
        elif what == "change":
            self.library.put(self.pick.choice(files), self.library.draw())
        elif what == "break":
            self.library.put(self.pick.choice(files), b"no picture")
        else:
            self.pick.choice(files).unlink()


class Indexer(User):
    """Submit jobs over directories, and change their mind about some."""

    def act(self) -> None:
        page = self.ask("GET", "/api/v2/jobs", [200], params={"limit": 50})
        if page is None:
            return
        unfinished = [job["id"] for job in page.json()["items"] if job["finished_at"] is None]
        if unfinished and self.pick.random() < 0.4:
            verb = self.pick.choice(("pause", "resume", "resume", "cancel"))
            self.ask("POST", f"/api/v2/jobs/{self.pick.choice(unfinished)}/{verb}", [200, 409])
        elif len(unfinished) < MAX_OPEN_JOBS:
            body: dict[str, Any] = {"source": str(self.library.root), "prune": self.pick.random() < 0.5}
            if self.pick.random() < 0.3:
                body |= {"source": str(self.library.moving), "metadata": {"job": self.pick.randrange(9)}}
                body |= {"partition": self.pick.choice(("", "a", "b"))}
            self.ask("POST", "/api/v2/jobs", [202], json={"collection": NAME, **body})


class Rebuilder(User):
    """Have the index built anew, with another preprocessing or as it is, and give a few of these up."""

    def act(self) -> None:
        begun = self.ask("POST", "{}/reindex", [202, 409], json=self.pick.choice(PREPROCESSINGS))
        if begun is None or begun.status_code != 202:
            return
        job_id = begun.json()["id"]
        gives_up = self.pick.random() < 0.15
        while not self.library.ending.wait(0.5):
            job = self.ask("GET", f"/api/v2/jobs/{job_id}", [200])
            if job is not None and job.json()["finished_at"] is not None:
                self.library.count(f"reindex {job.json()['state']}")
                return
            if gives_up:
                self.ask("POST", f"/api/v2/jobs/{job_id}/cancel", [200, 409])


class Deleter(User):
    """Delete images whose files stay or not, one by one and several at once."""

    def act(self) -> None:
        page = self.ask("GET", "{}/images", [200], params={"limit": 1000})
        if page is None:
            return
        images = [image for image in page.json()["items"] if image["path"].startswith(str(self.library.moving))]
        if len(images) < 3:
            return
        chosen = self.pick.sample(images, 3)
        ids = [image["id"] for image in chosen]
        how = self.pick.choice(("id", "path", "bulk"))
        if how == "bulk":
            gone = self.ask("POST", "{}/images/delete", [200], json={"ids": ids})
        elif how == "id":
            ids = ids[:1]
            gone = self.ask("DELETE", f"{{}}/images/{ids[0]}", [204, 404])
        else:
            # By the time of the answer another image may have the path: nothing is known of the id.
            self.ask("DELETE", "{}/images", [204, 404], params={"path": chosen[0]["path"]})
            return
        if gone is not None:
            self.library.deleted.update(ids)


class Labeller(User):
    """Number the changes of some pictures' labels, and remember which were acknowledged.

    Attributes:
        acknowledged: the last number by image.
        unsure: numbers by image that were not acknowledged, and may come yet or never.
    """

    def __init__(self, library: SharedLibrary, name: str) -> None:
        super().__init__(library, name)
        self.acknowledged: dict[int, int] = {}
        self.unsure: dict[int, set[int]] = {}
        self._ids: list[int] = []
        self._number = 0

    def act(self) -> None:
        if not self._ids:
            self._look_up()
            return
        image_id = self.pick.choice(self._ids)
        self._number += 1
        body: dict[str, Any] = {"metadata": {"number": self._number}}
        if self.pick.random() < 0.5:
            body["partition"] = self.pick.choice(("", "a", "b"))
        done = self.ask("PATCH", f"{{}}/images/{image_id}", [200, 202], json=body)
        if done is not None:
            self.acknowledged[image_id] = self._number
        else:
            self.unsure.setdefault(image_id, set()).add(self._number)

    def possible(self, image_id: int) -> set[int]:
        """Return the numbers that an image may have in the end."""
        last = self.acknowledged.get(image_id)
        return self.unsure.get(image_id, set()) | ({last} if last is not None else set())

    def _look_up(self) -> None:
        page = self.ask("GET", "{}/images", [200], params={"limit": 1000})
        wanted = set(map(str, self.library.labelled))
        if page is not None:
            self._ids = sorted(one["id"] for one in page.json()["items"] if one["path"] in wanted)


class Uploader(User):
    """Upload, delete and upload again the same few pictures; others may do so with the same ones."""

    def __init__(self, library: SharedLibrary, name: str, pool: list[bytes], *, alone: bool) -> None:
        super().__init__(library, name)
        self._pool = pool
        self._alone = alone
        self.known: dict[int, int | None] = {}

    def act(self) -> None:
        index = self.pick.randrange(len(self._pool))
        image_id = self.known.get(index)
        if image_id is None:
            self._upload(index)
            return
        gone = self.ask("DELETE", f"{{}}/images/{image_id}", [204] if self._alone else [204, 404])
        if gone is not None:
            self.library.deleted.add(image_id)
            self.known[index] = None

    def _upload(self, index: int) -> None:
        allowed = [200, 201, 202] if self._alone else [200, 201, 202, 409]
        form = {"files": {"image": self._pool[index]}, "data": {"partition": self.name if self._alone else "u"}}
        done = self.ask("POST", "{}/images", allowed, **form)
        if done is None or done.status_code == 409:
            return
        self.known[index] = done.json()["id"]
        if self._alone and done.status_code == 201:
            found = self.ask("POST", "{}/search", [200], json={"image_id": self.known[index], "top_k": 5})
            if found is not None and self.known[index] not in [one["id"] for one in found.json()["results"]]:
                self.library.complain(f"{self.name}: image {self.known[index]} is not found after its upload")


class Passer(User):
    """Make a collection of its own, and delete it with its jobs."""

    def act(self) -> None:
        own = f"{NAME}-{self.name}"
        body = {"source": str(self.library.root), "collection": own}
        if self.ask("POST", "/api/v2/jobs", [202], json=body) is not None:
            self.library.ending.wait(self.pick.uniform(0, 8))
        self.ask("DELETE", f"/api/v2/collections/{own}", [202, 204, 404])


class Searcher(User):
    """Search by pictures that nobody touches, and by images of which nobody knows whether they are there."""

    def act(self) -> None:
        deleted = set(self.library.deleted)
        if self.pick.random() < 0.5:
            self._by_calm_picture(deleted)
        else:
            self._by_any_image(deleted)

    def _by_calm_picture(self, deleted: set[int]) -> None:
        path = self.pick.choice(self.library.calm)
        form = {"files": {"image": path.read_bytes()}, "data": {"top_k": "10"}}
        found = self.ask("POST", "{}/search", [200], **form)
        if found is not None:
            self._check(found, deleted, path)

    def _by_any_image(self, deleted: set[int]) -> None:
        page = self.ask("GET", "{}/images", [200], params={"limit": 1000})
        if page is None or not page.json()["items"]:
            return
        image = self.pick.choice(page.json()["items"])
        found = self.ask("POST", "{}/search", [200, 404], json={"image_id": image["id"], "top_k": 50})
        if found is not None and found.status_code == 200:
            calm = Path(image["path"]) if Path(image["path"]) in self.library.calm else None
            self._check(found, deleted, calm)

    def _check(self, found: httpx.Response, deleted: set[int], calm: Path | None) -> None:
        results = found.json()["results"]
        ids = [one["id"] for one in results]
        if len(set(ids)) < len(ids):
            self.library.complain(f"{self.name}: one image twice among {ids}")
        if late := deleted & set(ids):
            self.library.complain(f"{self.name}: found after their deletion: {sorted(late)}")
        if calm is not None and [one["path"] for one in results if one["distance"] < 1e-5] != [str(calm)]:
            shown = [(one["path"], one["distance"]) for one in results[:3]]
            self.library.complain(f"{self.name}: {calm} is not found once: {shown}")


def everybody(library: SharedLibrary) -> list[tuple[User, Callable[[], None], float]]:
    """Return the users of a library, what each does, and the seconds between two times."""
    common = [library.draw() for _ in range(4)]
    own = [library.draw() for _ in range(4)]
    return [
        (user, user.act, pause)
        for user, pause in (
            (Editor(library, "editor"), 0.3),
            (Indexer(library, "indexer"), 1.5),
            (Rebuilder(library, "rebuilder"), 2.0),
            (Deleter(library, "deleter"), 1.0),
            (Labeller(library, "labeller"), 0.3),
            (Uploader(library, "uploader", own, alone=True), 0.5),
            (Uploader(library, "first", common, alone=False), 0.5),
            (Uploader(library, "second", common, alone=False), 0.5),
            (Passer(library, "passer"), 3.0),
            (Searcher(library, "searcher"), 0.2),
            (Searcher(library, "seeker"), 0.2),
        )
    ]
