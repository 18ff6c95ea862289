"""Send the pictures of folders on this machine: each content once, however often it is asked for."""

from imagesearch_client.folder_upload.delivery import Delivery, Outcome
from imagesearch_client.folder_upload.run import FolderUpload, Labels, Stop, Stopped
from imagesearch_client.folder_upload.walk import LocalFile, Loss, Walk

__all__ = ["Delivery", "FolderUpload", "Labels", "LocalFile", "Loss", "Outcome", "Stop", "Stopped", "Walk"]
