"""Numbers only: clustering, topic names, drift, the member graph and splits."""
