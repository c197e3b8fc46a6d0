"""Letters: rendering of Markdown templates, formatting for people, sending over SMTP."""
