"""What people asked and were answered: the database, its tables and its migrations."""
