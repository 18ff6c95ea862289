"""Tell whoever asked for it that a job has ended: signed, as often as it takes, and beside everything else."""
