"""What the functions of the library take and return: inputs by value or by path, results that print and draw."""
