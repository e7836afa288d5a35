#!/usr/bin/env python3
"""Runs every command of docs/API.md as it is printed, against a server with the demo show.

    scripts/api-examples.py target/debug/lastseat

A command may be refused only where a comment after it says so: `# 422 unknown_price_type`.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
URL = "http://127.0.0.1:8080"

# Nobody listens there.
ENDPOINT = {
    "LASTSEAT_WEBHOOK_ENDPOINTS": "shop=http://127.0.0.1:9/hooks",
    "LASTSEAT_WEBHOOK_ENDPOINT_SECRETS": "shop=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}

# Says on the standard error output which status each answer had, and which code a refusal.
CURL = r"""#!/usr/bin/env bash
body="$(mktemp)"
trap 'rm -f "$body"' EXIT
"$REAL_CURL" "$@" -w '%{stderr}status %{http_code}\n' | tee "$body"
printf 'code %s\n' "$(grep -o '"code":"[a-z_]*"' "$body" | head -1 | cut -d'"' -f4)" >&2
"""


def blocks():
    """The line of each block of shell commands in the document, and its text."""
    text = (ROOT / "docs/API.md").read_text()
    for block in re.finditer(r"^```sh\n(.*?)^```", text, re.S | re.M):
        yield text.count("\n", 0, block.start()) + 2, block.group(1)


def expected(block):
    return re.findall(r"# (4\d\d) ([a-z_]+)\s*$", block, re.M)


def answered(log):
    """The refusals among the answers that a block got."""
    refusals = []
    for status, code in re.findall(r"^status (\d+)\ncode (\w*)$", log, re.M):
        if not status.startswith("2"):
            refusals.append((status, code))
    return refusals


def ready(server):
    for _ in range(100):
        if server.poll() is not None:
            raise SystemExit(f"the server ended; is {URL} in use?")
        try:
            return urllib.request.urlopen(URL + "/health/ready").close()
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server is not ready after 10 s")


def run_all(program, folder):
    shim = folder / "bin" / "curl"
    shim.parent.mkdir()
    shim.write_text(CURL)
    shim.chmod(0o755)
    (folder / "docs").symlink_to(ROOT / "docs")
    script = [f'exec 2>"{folder}/block-0"']
    for number, (_, block) in enumerate(blocks(), 1):
        script.append(f'exec >"{folder}/out-{number}" 2>"{folder}/block-{number}"\n{block}\necho "last $?" >&2')
    real = shutil.which("curl")
    path = f"{shim.parent}:{program.parent}:{os.environ['PATH']}"
    subprocess.run(["bash", "-c", "\n".join(script)], cwd=folder, timeout=300, check=False,
                   env={**os.environ, "PATH": path, "REAL_CURL": real})


def complaints(folder):
    for number, (line, block) in enumerate(blocks(), 1):
        log = folder / f"block-{number}"
        log = log.read_text() if log.exists() else ""
        answers, lines = len(re.findall(r"^status ", log, re.M)), log.splitlines()
        other = [each for each in lines if not re.match(r"(status|code|last) ", each) and "Terminated" not in each]
        wanted, got = expected(block), answered(log)
        if got != wanted:
            out = (folder / f"out-{number}").read_text()
            yield f"docs/API.md:{line}: refused with {got}, announced: {wanted}\n{out}"
        elif "curl" in block and answers == 0 and "timeout" not in block:
            yield f"docs/API.md:{line}: no answer\n{log}"
        elif other or not any(re.match(r"last (0|124)$", each) for each in lines[-1:]):
            yield f"docs/API.md:{line}: {log}"


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    program = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        with open(folder / "server.log", "wb") as log:
            server = subprocess.Popen([program], cwd=folder, stdout=log, stderr=log, env={**os.environ, **ENDPOINT})
        try:
            ready(server)
            run_all(program, folder)
        finally:
            server.terminate()
            server.wait()
        wrong = list(complaints(folder))
        for each in wrong:
            print(each, file=sys.stderr)
        ran = sum(1 for _ in blocks())
        if wrong or ran < 20:
            raise SystemExit(f"api-examples: {len(wrong)} of {ran} blocks don't do what the document says")
        verified = subprocess.run([program, "verify"], cwd=folder, capture_output=True, text=True)
        if verified.returncode != 0:
            raise SystemExit(verified.stdout + verified.stderr)
        print(f"api-examples: {ran} blocks of docs/API.md ran as printed, verify is clean")


if __name__ == "__main__":
    main()
