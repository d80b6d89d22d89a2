"""Pipeline steps: one folder a step, each a shim over one library call."""
