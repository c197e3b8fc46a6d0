"""Pages for people: one file each, with nothing to fetch and nothing to run."""
