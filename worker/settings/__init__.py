"""What people set: the environment's variables and the three files under config/.

`environment` reads variables, `load` reads files; both tell every problem at once as ConfigError
sentences. YAML and pydantic stay inside this package: the rest of the worker sees the values of
`worker.domain.policy` only.
"""
