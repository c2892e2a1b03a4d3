"""Result folders of suites: the store, its locks, documents and export to tables."""
