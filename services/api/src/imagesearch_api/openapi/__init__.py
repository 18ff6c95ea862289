"""Describe /api/v2 as an OpenAPI 3.1 document: what each route takes is read from the models that check it."""
