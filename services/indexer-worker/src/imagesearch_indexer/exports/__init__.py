"""Export a collection with its vectors: read it slice by slice, and write it part by part."""
