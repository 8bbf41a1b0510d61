"""From a trained network to a verified file in another format."""
