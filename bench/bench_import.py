"""What ``import nbstream`` costs on top of ``import IPython``, in CPU milliseconds.

Target: at most 30 ms. Each import runs in a process of its own, one kind after the
other in each round; the least of the rounds is taken, since noise only adds.
"""

import subprocess
import sys

ROUNDS = 9
CODE = {
    "nothing": "pass",
    "IPython": "import IPython",
    "IPython + nbstream": "import IPython, nbstream",
    "IPython + nbstream.show": "import IPython, nbstream; nbstream.show",
}
CLOCK = "import time, sys; {code}; sys.stdout.write(str(time.process_time()))"


def measure(code: str) -> float:
    """Return the CPU time of a process that runs this, in milliseconds."""
    command = [sys.executable, "-c", CLOCK.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout) * 1000


def main() -> dict[str, float]:
    """Print and return the extra CPU time of each import, in milliseconds."""
    least = dict.fromkeys(CODE, float("inf"))
    for _ in range(ROUNDS):
        for name, code in CODE.items():
            least[name] = min(least[name], measure(code))
    base = least["IPython"]
    extra = {name: cost - base for name, cost in least.items() if "+" in name}
    for name, cost in extra.items():
        print(f"{name}: {cost:+.1f} ms on {base:.0f} ms ({(base + cost) / base:.2f} x)")
    return extra


def rows(extra: dict[str, float]) -> list[str]:
    """Return the table's row."""
    added = extra["IPython + nbstream"]
    return [f"| `import nbstream`, CPU time over `import IPython` | {added:+.0f} ms |"]


if __name__ == "__main__":
    main()
