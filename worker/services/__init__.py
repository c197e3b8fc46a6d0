"""Use cases, one verb a file. They take their ports as keyword arguments and know no vendor."""
