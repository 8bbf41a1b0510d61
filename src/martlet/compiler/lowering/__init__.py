"""Graph to program: which layer does each node, and where its channels lie."""
