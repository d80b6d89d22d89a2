"""The model server against three others on the same model, in one run."""
