"""The `dunning` command; groups of help: Run, Look, Act, Try, Prove."""
