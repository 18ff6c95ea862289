"""Build pictures that cost more than they should, and measure what they cost."""
