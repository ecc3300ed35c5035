"""The worker: Celery tasks that say "look", and the sweep that looks without them."""
