"""A model of how vectors are written, found and removed: steps like the code's, and every order of them.

Modelled: one image, whose file changes, and the row that its path gets after a delete; Postgres' rows,
tombstones, exceptions, row locks, the collection's lock and its transactions (state.py); two Milvus collections,
of which a bounded read shows any state within its horizon. `time passes` moves the horizon over all that was
written and makes all tombstones old at once: a tombstone is young for longer than the horizon and a search take
together. Each step is one transaction's end, one lock, one call to Milvus or one read (steps_*.py); whoever waits
has no step. Once in a run anybody may CRASH, or FREEZE before a call to Milvus, which may THAW at any later time;
or a store suffers a LOSS. Elsewhere than before a call, within a transaction or between two stores a crash leaves
what a run without that actor leaves, so it is not a step of its own. A job of a build is resumed by another
process.

Looked at: the answers to every search at every moment (searching.py), that no row goes back to older bytes, that
no row loses a key without a LOSS, that everybody comes to an end, and what is there at rest (rest.py). Not
modelled: several images in one transaction, two builds, jobs and their outcomes, Postgres or Milvus restored from
a backup.

A trace has a step a line: who (`writer 0`: the actor at place 0), what, and the keys. The last line is the step
after which the problem holds; steps that are joined by `;` were taken together (Setup.merged). It is one of the
shortest.
"""
