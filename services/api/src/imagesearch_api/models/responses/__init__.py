"""Models of what is answered: each gives the JSON and its schema."""
