"""Stripe, behind the ports of `worker.ports`: the only package that knows the SDK."""
