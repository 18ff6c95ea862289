"""Serve the application with gunicorn, such that no slow peer holds a thread."""
