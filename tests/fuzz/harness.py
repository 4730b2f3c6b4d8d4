"""Feeds one target, in a process of its own: by atheris, which is led by coverage, or by plain mutation.

PYTHONPATH=tests python -m fuzz.harness TARGET --runs 100000 [--seed 1] [--corpus FOLDER] [--plain]

A finding ends the process with an exit code that is not 0, the input (as Python writes bytes) in the last line, and
where it came from above. The last line of a run without one is `done: N runs, C places` (atheris counts the places of
the code that it reached).
"""

import argparse
import faulthandler
import random
import re
import sys
import tempfile
import traceback
from pathlib import Path

#: An input that takes longer is stuck (seconds).
STUCK = 20

_TOKENS = (
    b"null", b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 20, b"9" * 400, b"[" * 300, b'{"a":' * 300, b"\\ud800",
    b"\xff\xfe", b"\0", b"\xe2\x80\xae", b'"', b"\\", b"..", b"//", b"%2e", b"@", b"true", b'"mac":"00005e005300"',
)  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A few changes of the kinds that break decoders."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(6):
            case 0:
                changed[at:at] = chance.choice(_TOKENS)
            case 1:
                del changed[at : at + chance.choice((1, 2, 8, 64))]
            case 2 if changed:
                changed[at % len(changed)] ^= 1 << chance.randrange(8)
            case 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 40)]
            case 4 if changed:
                end = at + chance.randrange(1, 30)
                changed[at:end] = chance.choice(_TOKENS)
            case _:
                changed[at:at] = chance.randbytes(chance.randrange(1, 5))
    return bytes(changed)


def run_plainly(names: list[str], runs: int, seed: int) -> int:
    """Mutate the seeds, so often for each target; gives the exit code."""
    from fuzz.targets import TARGETS

    chance = random.Random(seed)
    for number in range(runs * len(names)):
        target = TARGETS[names[number % len(names)]]
        data = mutated(chance.choice(target.seeds), chance)
        faulthandler.dump_traceback_later(STUCK, exit=True)
        try:
            target.run(data)
        except Exception:
            faulthandler.cancel_dump_traceback_later()
            traceback.print_exc()
            sys.stderr.write(f"{data!r}\n")
            return 1
        faulthandler.cancel_dump_traceback_later()
    sys.stderr.write(f"done: {runs * len(names)} runs, 0 places\n")
    return 0


def run_guided(name: str, runs: int, seed: int, corpus: Path) -> None:
    """Let atheris do it, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=["mistlocate"]):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    for number, each in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(each)
    words = corpus.parent / f"{corpus.name}.dict"
    words.write_text("".join(f'"{_escaped(each)}"\n' for each in _TOKENS if len(each) < 40), encoding="ascii")

    def one(data: bytes) -> None:
        try:
            target.run(data)
        except Exception:
            traceback.print_exc()
            sys.stderr.write(f"{data!r}\n")
            raise

    options = [
        f"-atheris_runs={runs}", f"-seed={seed}", f"-dict={words}", f"-timeout={STUCK}", "-max_len=4096",
        "-rss_limit_mb=2048", f"-artifact_prefix={corpus.parent}/", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], one)
    atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(chr(each) if 32 < each < 127 and each not in b'"\\' else f"\\x{each:02x}" for each in token)


def figures(text: str) -> tuple[int, int]:
    """Runs and places that the output of a process tells of; zeros if it did not get to the end."""
    if plain := re.search(r"^done: (\d+) runs, (\d+) places$", text, re.MULTILINE):
        return int(plain.group(1)), int(plain.group(2))
    done = re.search(r"^(?:Done (\d+) (?:runs )?in |stat::number_of_executed_units:\s*(\d+))", text, re.MULTILINE)
    places = re.findall(r"cov: (\d+)", text)
    return int(next(filter(None, done.groups()))) if done else 0, int(places[-1]) if places else 0


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="fuzz.harness")
    parser.add_argument("target", nargs="+")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    if options.plain:
        return run_plainly(options.target, options.runs, options.seed)
    (target,) = options.target
    with tempfile.TemporaryDirectory(prefix="mistlocate-fuzz-") as folder:
        corpus = options.corpus or Path(folder) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        run_guided(target, options.runs, options.seed, corpus)
    return 0


if __name__ == "__main__":
    sys.exit(main())
