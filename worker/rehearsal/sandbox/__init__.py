"""A Stripe-shaped HTTP server: API version 2026-10-28.endive, state in memory, 127.0.0.1 only.

It speaks the shapes of the SDK's typed classes, moves subscriptions through their lives on test
clocks, declines cards by script and breaks on request. It knows nothing of the worker: only
`worker.domain.money` and `worker.clock` are imported.
"""

API_VERSION = "2026-10-28.endive"
