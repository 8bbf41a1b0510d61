"""Boxes as what is learnt: which place answers for which box, the loss, and what of the answers
is kept."""
