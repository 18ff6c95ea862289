"""Say who may do what: API keys, their scopes, and the tenancy that one is bound to."""
