"""Let a new recipe that is not proven run beside the champion."""
