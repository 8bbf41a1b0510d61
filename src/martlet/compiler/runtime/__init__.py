"""A compiled library as a function: numpy in, numpy out."""
