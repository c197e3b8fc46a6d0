"""Where facts are copied to: files of JSON lines, and addresses that take CloudEvents."""
