"""Graph to graph: fewer nodes, same numbers."""
