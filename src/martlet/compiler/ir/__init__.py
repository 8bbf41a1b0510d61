"""What the stages hand on: a graph of nodes, then a program of layers."""
