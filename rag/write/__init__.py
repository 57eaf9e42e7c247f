"""Evidence → sentences by a language model that names source sentences by number; verified or not shown."""
