"""What Alembic runs; the connection, already in its transaction, comes from hanlin.storage.database."""

from alembic import context

from hanlin.storage import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,  # its naming convention names the constraints
    transactional_ddl=True,
)
context.run_migrations()
