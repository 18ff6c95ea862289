"""Reach files: within the allowed roots, by walking directories, from manifests, as uploads."""
