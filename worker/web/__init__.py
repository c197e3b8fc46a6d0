"""The way in from outside: Stripe's webhooks, and whether this process and the service are well."""
