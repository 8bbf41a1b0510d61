"""What a network costs: params, MACs, bytes moved, milliseconds."""
