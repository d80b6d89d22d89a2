"""The pipelines: how the steps hang together, run here or compiled for Kubeflow."""
