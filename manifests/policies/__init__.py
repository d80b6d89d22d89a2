"""What is asked of all that goes to a cluster: schemas, linters, and what they may find."""
