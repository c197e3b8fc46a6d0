"""The sandbox as a process of its own, with the population of rehearsals."""

import sys
from pathlib import Path

from worker.rehearsal.population_settling import settle_population
from worker.rehearsal.sandbox.main import serve


def main() -> None:
    """Serve until SIGTERM; the first argument names the file that is told the port."""
    told, seed = Path(sys.argv[1]), sys.argv[2]

    def tell(port: int) -> None:
        draft = told.with_suffix(".part")
        draft.write_text(str(port))
        draft.replace(told)

    port = int(told.read_text()) if told.exists() else 0
    serve(port, ready=tell, population=settle_population, seed=seed)


if __name__ == "__main__":
    main()
