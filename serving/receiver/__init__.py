"""Takes Alertmanager's notifications, and asks for a training run where an alert wants one."""

__all__: list[str] = []
