"""The commands, one module each: they read options, call the library and return an exit code."""
