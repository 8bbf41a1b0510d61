"""`demo`: data that is made here, through all verbs."""
