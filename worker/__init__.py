"""The worker: Celery tasks that ring a queue's bell, and the sweep that finds work without them."""
