"""Results folder of a suite: SQLite store, locks of processes, read-only access, export as CSV or Parquet."""
