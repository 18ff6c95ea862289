"""Run a worker process: its loop, its heartbeat, its entry in the registry of workers."""
