"""Lay the evaluations of several symbols side by side."""
