"""Documents dropped into the store, and the index that finds their passages."""
