"""What to do about an error, in terms of this command."""

from __future__ import annotations

from imagesearch_client.errors import ApiError, ClientError, Unavailable

_KEY = "Put a key into IMAGESEARCH_API_KEY, or api_key into a profile."
ADVICE = {
    "not_authenticated": _KEY,
    "not_allowed": "Use a key with the scope that this takes; `imagesearch admin keys list` shows what there is.",
    "not_found": "`imagesearch collections`, `jobs` and `images list` show what is there.",
    "wrong_keys": "Look at the key before you go on: after a minute it may be tried again.",
    "rate_limited": "Wait a minute, or ask for less at once.",
    "busy": "Try again in a moment, or be more patient with --patience.",
    "unavailable": "`imagesearch admin doctor` says what is wrong with the system.",
    "no_room": "Have room made; `imagesearch admin doctor` says in which store.",
    "internal_error": "Report it to the API's operator, whose log has the details.",
    "uploads_off": "Have the API's operator set UPLOAD_ROOT or UPLOADS_URL.",
    "quota_exceeded": "Delete pictures, or have the quota raised; `imagesearch quotas` shows it.",
    "name_taken": "Choose another name; `imagesearch collections` lists those that are taken.",
    "is_alias": "Name the collection itself; `imagesearch collections aliases` shows which that is.",
    "reindex_running": "Wait for that job or cancel it; `imagesearch jobs --state running` shows it.",
    "collection_deleting": "Try again when it is gone.",
    "job_state": "`imagesearch jobs JOB` shows its state.",
    "key_ambiguous": "Name the --partition.",
    "too_many_images": "Use `imagesearch duplicates`, which compares them in a job.",
    "wrong_pipeline": "Use another collection, or `imagesearch reindex` this one.",
    "body_too_large": "Send less at once; `imagesearch info` shows max_upload_bytes.",
    "unknown_host": "Have the name in --server added to the API's ALLOWED_HOSTS.",
    "version_mismatch": "Look at it again: somebody has changed it since.",
}
"""By the `code` of a problem, where this command can say more than the problem does."""


def said_of(error: ClientError) -> list[str]:
    """Return lines on an error: what is wrong, and what to do where that is known."""
    text = " ".join(str(error).split())
    code = error.code if isinstance(error, ApiError | Unavailable) else None
    lines = [f"{text} ({code})" if code is not None else text]
    if code is None and isinstance(error, Unavailable):
        lines.append("Is it running? --server, IMAGESEARCH_URL or a profile say where to ask.")
    elif code in ADVICE:
        lines.append(ADVICE[code])
    return lines
