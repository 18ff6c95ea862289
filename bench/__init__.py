"""Measure what the product promises about speed, as ratios within one run."""
