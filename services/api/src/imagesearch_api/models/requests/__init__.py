"""Models of request bodies; each rule that is broken names its field."""
