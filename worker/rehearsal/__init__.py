"""Everything that exists to try the worker out; production never imports it (architecture.md 3)."""
