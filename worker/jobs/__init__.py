"""The messages' receiving end: thin actors under frozen names."""
