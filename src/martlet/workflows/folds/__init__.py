"""`train --cross-validate`: runs of which each holds another part out."""
