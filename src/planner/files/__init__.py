"""Reading of input files and atomic writing of results."""
