"""Features: their definitions as data, and one vectorised computation of all of them."""
