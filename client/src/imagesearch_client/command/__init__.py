"""The `imagesearch` command: one module per group of commands, put together here."""

from imagesearch_client.command.admin import admin
from imagesearch_client.command.collections import collections, count
from imagesearch_client.command.completion import completion
from imagesearch_client.command.duplicates import compare, duplicates
from imagesearch_client.command.export import export
from imagesearch_client.command.images import images
from imagesearch_client.command.index import index
from imagesearch_client.command.jobs import cancel, failures, jobs, pause, resume, retry
from imagesearch_client.command.quotas import quotas
from imagesearch_client.command.reindex import reindex
from imagesearch_client.command.root import main
from imagesearch_client.command.search import search
from imagesearch_client.command.system import info
from imagesearch_client.command.upload import upload

for _command in (
    index,
    upload,
    search,
    jobs,
    failures,
    cancel,
    pause,
    resume,
    retry,
    collections,
    reindex,
    duplicates,
    compare,
    export,
    count,
    images,
    info,
    quotas,
    admin,
    completion,
):
    main.add_command(_command)

__all__ = ["main"]
