"""The extractor worker: pictures in, L2-normalised VGG16 vectors out."""
