"""The edge: requests are read here, and errors become problem details."""
