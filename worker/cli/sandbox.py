"""`dunning sandbox`: the Stripe-shaped server alone."""

from worker.errors import ConfigError
from worker.rehearsal.population_settling import settle_population
from worker.rehearsal.sandbox.main import PortTaken, serve


def run_sandbox(*, port: int, seed: str) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises: ConfigError: the port is in use."""

    def say(chosen: int) -> None:
        print(f"Stripe sandbox on http://127.0.0.1:{chosen} (STRIPE_API_BASE)", flush=True)

    try:
        serve(port, ready=say, population=settle_population, seed=seed)
    except PortTaken as taken:
        raise ConfigError(str(taken)) from taken
