"""The checks of each table, and how they are run and recorded."""
