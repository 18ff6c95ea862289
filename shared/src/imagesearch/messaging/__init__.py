"""Carry work through Redis: Celery, the query channel, claims on batches, the progress of jobs."""
