"""Use cases of single images: upload, change, delete."""
