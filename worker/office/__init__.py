"""What the office reads, wherever it reads it: its words, why nothing is charged, its plan."""
