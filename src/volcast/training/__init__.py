"""Training a candidate, and the gate that decides whether it becomes champion."""
