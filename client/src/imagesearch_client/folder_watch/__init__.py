"""Follow a folder that the server sees as well: what happens to its files becomes jobs and deletions."""

from imagesearch_client.folder_watch.changes import Changes
from imagesearch_client.folder_watch.followed import Followed
from imagesearch_client.folder_watch.follower import FolderGone, Follower

__all__ = ["Changes", "FolderGone", "Followed", "Follower"]
