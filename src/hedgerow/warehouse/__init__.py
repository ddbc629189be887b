"""The warehouse: what tables exist, what backs them, and the catalog the language is handed."""
