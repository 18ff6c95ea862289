"""A Kubernetes cluster for tests, on one machine: README.md says how to use it."""
