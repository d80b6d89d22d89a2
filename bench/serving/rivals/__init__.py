"""The servers to compare with, each as its own documentation shows it."""
