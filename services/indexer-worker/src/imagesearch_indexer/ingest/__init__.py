"""Jobs that index: list the source, plan it, write what extractors answer."""
