"""Find what a crash left behind, and repair it."""
