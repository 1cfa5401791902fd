"""`python -m mvmono3d.deploy.live.tied MODULE …`: run a module, and end when the input does.

So a program that knows nothing of it ends with whoever started it, however that one died.
"""

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_S = 3.0


def main() -> None:
    """Run the module that the first argument names, as `python -m` would."""
    module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_input() -> None:
    # Past Python's buffer, whose lock a thread that waits would still hold when the process ends.
    while os.read(0, 1 << 16):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
