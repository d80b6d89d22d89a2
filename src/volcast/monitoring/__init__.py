"""After publication: realized error, drift, retraining, job records and metrics."""
