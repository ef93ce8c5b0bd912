"""How the embedded network is made: a small student learns from a teacher's maps of any photos."""
