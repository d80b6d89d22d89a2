"""Walk forward on one symbol."""
