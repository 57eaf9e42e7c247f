"""Documents that people and programs send to the running service."""
