"""Power, false alarms and cost of the drift check."""
