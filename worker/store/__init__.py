"""The ledger in PostgreSQL (architecture.md D1, D2): the only package that imports sqlalchemy."""
