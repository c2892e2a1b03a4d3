"""Functions of the library: plan, compare, check, adapt; inputs by value or by path, results that print and draw."""
