"""What the verbs do, step by step."""
