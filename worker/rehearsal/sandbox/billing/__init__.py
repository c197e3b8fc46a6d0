"""What Stripe Billing does by itself: periods, drafts, finalising, collecting, retries, endings."""
