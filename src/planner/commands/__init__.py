"""The commands, a module each: they read options, call the library and return an exit code."""
