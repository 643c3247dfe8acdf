"""A network from outside: layers, shapes, costs, what goes through it."""
