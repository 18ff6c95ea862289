"""Run migrations on the connection that `imagesearch.catalog.migrate` hands over."""

from alembic import context

from imagesearch.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
