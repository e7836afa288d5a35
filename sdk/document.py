"""Takes from the server's description what the generators leave out.

    document.py DOCUMENT typescript|python    which operations take an idempotency key, the names of the problems, the version
    document.py DOCUMENT successes            the document with successful answers only: the Python layer raises refusals before the
                                              generated code sees them, so an operation returns what it succeeds with, and nothing else
"""

import json
import re
import sys

METHODS = ("get", "put", "post", "patch", "delete")


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def keyed(document):
    """Regular expressions for `POST /v1/shows/demo/bookings`, also of a server that is mounted under a path."""
    for path, method, operation in operations(document):
        names = {parameter.get("name") for parameter in operation.get("parameters", [])}
        if "Idempotency-Key" in names:
            parts = re.split(r"\{[^}]*\}", path)
            yield f"^{method.upper()} (?:/.*)?{'[^/]+'.join(map(re.escape, parts))}$"


def typescript(document):
    lines = [f"  /{pattern.replace('/', chr(92) + '/')}/," for pattern in keyed(document)]
    body = "\n".join(lines)
    return f'export const VERSION = "{document["info"]["version"]}";\nexport const KEYED: readonly RegExp[] = [\n{body}\n];\n'


def python(document):
    schemas = document["components"]["schemas"]["Problem"]["discriminator"]["mapping"]
    classes = {code: reference.rsplit("/", 1)[1] for code, reference in schemas.items()}
    return f"VERSION = {document['info']['version']!r}\nKEYED = {list(keyed(document))!r}\nPROBLEMS = {classes!r}\n"


def successes(document):
    for _, _, operation in operations(document):
        answers = operation["responses"]
        operation["responses"] = {status: answer for status, answer in answers.items() if status < "300"}
    return json.dumps(document)


def main(path, what):
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    sys.stdout.write({"typescript": typescript, "python": python, "successes": successes}[what](document))


main(*sys.argv[1:])
