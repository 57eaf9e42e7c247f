"""Measures quality and speed. Stands beside the service and imports it, never the other way."""
