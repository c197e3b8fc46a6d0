"""Redis: a doorbell and a limiter, both of which may be lost (architecture.md D1)."""
