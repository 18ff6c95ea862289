"""What every kind of job shares: dispatch, end, cancellation, progress, deletion."""
