"""What nobody caught, as lines of ours: Python would print a traceback with whatever it quotes."""

import sys
import threading
from types import TracebackType

from worker.joblog.lines import describe
from worker.ports import JobLog

DO = "runbook: library"


def capture_uncaught(log: JobLog) -> None:
    """Send what ends a thread, a finaliser or the process to *log*, redacted, without values."""

    def tell(where: str, error: BaseException | None) -> None:
        told = describe(error) if error is not None else None
        log.error("library", logger=where, message="not caught", error=told, do=DO)

    def of_process(
        kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        tell("process", error)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            tell(f"thread {args.thread.name if args.thread else ''}".rstrip(), args.exc_value)

    def of_finaliser(args: "sys.UnraisableHookArgs") -> None:
        tell("finaliser", args.exc_value)

    sys.excepthook = of_process
    threading.excepthook = of_thread
    sys.unraisablehook = of_finaliser
