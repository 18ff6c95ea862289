"""VGG16 in whole numbers of eight bits: its weights, the file they lie in, and what runs them."""
