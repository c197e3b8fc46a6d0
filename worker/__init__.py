"""Subscription dunning and billing worker for companies that bill through Stripe."""
