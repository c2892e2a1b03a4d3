"""Pages of suite results: rows read back, figures by method and by swept axis."""
