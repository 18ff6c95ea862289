"""Build networks: a module for each; all import TensorFlow. `imagesearch_extractor.architectures` lists them."""
