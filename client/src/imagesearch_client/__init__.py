"""Python client and command of the image search API."""
