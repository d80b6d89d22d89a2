"""What the drift check finds and what it makes up: false alarms, power, and its cost."""
