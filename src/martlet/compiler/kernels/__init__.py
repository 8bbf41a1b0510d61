"""The layers a program is made of, each with the C text of its work."""
