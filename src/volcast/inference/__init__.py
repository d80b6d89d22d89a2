"""The daily forecast: computed, published, and the one that counts for each session."""
