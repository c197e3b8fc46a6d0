"""PostgreSQL, Valkey and an SMTP inbox of our own, for the demo, `dunning up` and the tests.

`stack` starts all of them on one data directory; `ledger` serves a single command. A server is
run by a small guard process (`guard`) that ends it as soon as nobody uses the directory any more,
however its users ended.
"""
