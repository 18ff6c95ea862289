"""Work out what a library of some size takes."""
