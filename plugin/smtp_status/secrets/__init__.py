"""Whether a text repeats part of a login, in whatever form a reader could undo; loaded where there is a secret."""
