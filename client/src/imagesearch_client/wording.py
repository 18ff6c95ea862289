"""Says in words how a job stands; never more precisely than a person can use."""

from __future__ import annotations

from imagesearch_client.jobs import Job

MOVING = frozenset({"planning", "running"})
"""In any other state the last pace says nothing about the next minute."""


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``7 s``, ``4 min 05 s``, ``2 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def pace(rate: float) -> str:
    """Return pictures per second."""
    return f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def standing(job: Job) -> str:
    """Return one line on a job that goes on, or has ended: state, share, pace, time left, losses."""
    if job.state == "planning":
        parts = [f"planning: {job.total} found, {job.done} done"]
    else:
        share = f" ({100 * job.done // job.total}%)" if job.total else ""
        parts = [f"{_plain(job.state)}: {job.done} of {job.total}{share}"]
    if job.state in MOVING and not job.ended:
        if job.rate:
            parts.append(pace(job.rate))
        if job.eta_seconds is not None:
            parts.append(f"{duration(job.eta_seconds)} left")
    if job.failed:
        parts.append(f"{job.failed} failed")
    if job.stalled:
        parts.append("stalled")
    return ", ".join(parts)


def summary(job: Job) -> str:
    """Return one line on how a job ended: every outcome with its count, and how long it took."""
    outcomes = [f"{job.indexed} of {job.total} indexed", f"{job.unchanged} unchanged", f"{job.failed} failed"]
    if job.cancelled:
        outcomes.append(f"{job.cancelled} cancelled")
    if job.removed:
        outcomes.append(f"{job.removed} removed")
    taken = "" if job.seconds is None else f" in {duration(job.seconds)}"
    reason = f" ({job.error})" if job.error else ""
    return f"Job {job.id} {_plain(job.state)}: {', '.join(outcomes)}{taken}{reason}"


def _plain(state: str) -> str:
    return state.replace("_", " ")
