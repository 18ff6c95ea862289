"""Start the backing stores from their wheels, each replacing the process that asks for it."""
