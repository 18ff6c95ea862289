"""The rules of the protocol, each of which a run of the model may leave out, and what a run consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from model.state import NO_DIGEST, Step, World


@dataclass(frozen=True)
class Rules:
    """Say which rules hold; a rule that is False is left out.

    Attributes:
        expected_key: an answer is written only where the row still stands as it did when the picture was sent.
        expected_before_reading: that is noted before the file is read, not after.
        new_key: a write takes a new key; without it the vector under the row's key is overwritten.
        row_lock_first: the row is locked before a key is drawn and inserted.
        turn: a row that loses its vector takes a new turn (in the code its version), so that "no key" is never
            expected twice.
        generation: an answer of another network than that of the live store is not written.
        tombstone: the transaction that un-names a key buries it.
        since_after_insert: a tombstone's age begins after the insertion of what replaced the key.
        buried_without_image: a key that no row ever named is buried without its image.
        grace: the collector takes no young tombstone.
        young_tombstone: a search accepts a young tombstone's key.
        still_indexed: only of an image that is indexed.
        labels_checked: only where the row's labels are those that were asked for.
        one_snapshot: a search resolves its hits by one snapshot of rows, exceptions and tombstones.
        one_hit_an_image: a search returns an image once.
        exception_check: a search takes an exception's key only while the row names the key it was made from.
        fence: a sweep waits for the transactions that ran when it noted what it may remove.
        page_before_fence: a sweep reads its page before it notes those.
        look_again: a sweep looks again after the wait.
        exceptions_passed_over: a sweep leaves a collection alone whose exceptions are not all applied.
        repair_in_live_store: a repair reads under the lock which store is live.
        fence_of_rounds: a build lists, and begins each round, when the transactions that it noted have ended.
        key_before_snapshot: a build notes the sequence's last key before those transactions.
        build_expected: a build extracts again what was written between its reading and its answer.
        equal_removes: a picture that is extracted with the row's digest after all removes the row's exception.
        exclusive_lock: the last round and the switch shut out every writer.
        last_round: the last round fills in what is above the key that was reached.
        horizon: a build switches once bounded reads see all that it wrote.
        apply_first: whoever locks a row applies its exception first.
        from_key: an exception is applied only to a row that names the key it was made from.
        retires_later: the store that was live is dropped when no search reads it any more.
        drops_again: the names of dropped stores are remembered, and one that comes back is dropped again.
        buries_in_build: what is buried is buried in the store of an open build as well.
    """

    expected_key: bool = True
    expected_before_reading: bool = True
    new_key: bool = True
    row_lock_first: bool = True
    turn: bool = True
    generation: bool = True
    tombstone: bool = True
    since_after_insert: bool = True
    buried_without_image: bool = True
    grace: bool = True
    young_tombstone: bool = True
    still_indexed: bool = True
    labels_checked: bool = True
    one_snapshot: bool = True
    one_hit_an_image: bool = True
    exception_check: bool = True
    fence: bool = True
    page_before_fence: bool = True
    look_again: bool = True
    exceptions_passed_over: bool = True
    repair_in_live_store: bool = True
    fence_of_rounds: bool = True
    key_before_snapshot: bool = True
    build_expected: bool = True
    equal_removes: bool = True
    exclusive_lock: bool = True
    last_round: bool = True
    horizon: bool = True
    apply_first: bool = True
    from_key: bool = True
    retires_later: bool = True
    drops_again: bool = True
    buries_in_build: bool = True


@dataclass(frozen=True)
class Setup:
    """Say who acts in a run of the model, and on what.

    Attributes:
        actors: who acts, in words of `start.ACTORS`.
        rules: the rules that hold.
        indexed: the image is indexed at first; otherwise it waits for its first vector.
        changes: how often the file changes, at any time.
        changed: the file has changed before anybody acts.
        unreadable: the last version of the file is no picture.
        extracts: a build reads the files again with another network; otherwise it copies.
        faults: what may happen, once in a run: "crash", "freeze", "lose" (the live store loses a vector).
        again: a deleted image is indexed again.
        merged: steps that are taken together with the one before them, to keep the search small.
    """

    actors: tuple[str, ...]
    rules: Rules = field(default_factory=Rules)
    indexed: bool = True
    changes: int = 0
    changed: bool = False
    unreadable: bool = False
    extracts: bool = False
    faults: frozenset[str] = frozenset()
    again: bool = False
    merged: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What a trace calls each actor."""
        return tuple(f"{kind} {index}: " for index, kind in enumerate(self.actors))

    @cached_property
    def last_version(self) -> int:
        return int(self.changed) + self.changes

    def digest_of(self, version: int) -> int:
        """Return the digest of a version of the file; none where it is no picture."""
        return NO_DIGEST if self.unreadable and version == self.last_version else version


Take = Callable[[World, int, Setup], Iterator[Step]]
"""A step of an actor: what it may lead to; nothing while it has to wait."""
