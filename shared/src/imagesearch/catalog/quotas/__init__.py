"""Keep quotas: what tenants may have (`limits`), have (`counts`), and whether more fits (`admission`)."""
