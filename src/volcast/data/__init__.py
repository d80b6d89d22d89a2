"""Market and macro data: fetched, checked, curated, and known as of any moment."""
