"""Runs PHP programs that lie beside this file in an Environment, as its own user, and reads what they answer."""

import base64
import json
import os
import re
import subprocess
import sys

RESULT = "aegir-result: "
PATH = re.compile(r"/[^\x00-\x20\x7f\"'\\$`{};%*?\[\]]*")
DOCROOT = re.compile(r"(?![-/])(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f\"'\\$`{};%*?\[\]]+")
SECONDS = 60


def read_arguments():
    arguments = json.load(sys.stdin)["arguments"]
    path, docroot = arguments["environment_path"], arguments.get("docroot") or "."
    if not PATH.fullmatch(path) or ".." in path.split("/") or not DOCROOT.fullmatch(docroot):
        sys.exit("The folder or the docroot is not of the form that it must have; nothing was done.")
    if not os.path.isfile(os.path.join(path, "settings/wordpress.php")):
        sys.exit("The site is not installed on this Server. Run “Install” on the Environment first.")
    return arguments


def run_php(arguments, program, **values):
    """The program's answer; ends this one in its words when it has none."""
    path = arguments["environment_path"]
    root = os.path.join(path, "current", arguments.get("docroot") or ".")
    values = {"root": root, "settings": os.path.join(path, "settings/wordpress.php"), **values}
    data = base64.b64encode(json.dumps(values).encode()).decode()
    code = f"<?php $aegir = json_decode(base64_decode('{data}'), true);\n?>" + "\n?>\n".join(
        read_beside(name) for name in ("site.php", program)
    )
    try:
        done = subprocess.run(
            [os.path.join(path, "run"), "php"], cwd=path, input=code.encode(), timeout=SECONDS,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"WordPress did not answer within {SECONDS} seconds.")
    lines = done.stdout.decode(errors="replace").splitlines()
    answer = next((line for line in reversed(lines) if line.startswith(RESULT)), None)
    if answer is None:
        said = (done.stderr.decode(errors="replace") or "\n".join(lines)).strip().splitlines()
        sys.exit(said[-1] if said else "WordPress ended without a word.")
    return json.loads(answer[len(RESULT):])


def read_beside(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), encoding="utf-8") as file:
        return file.read()


def write_outputs(outputs):
    with open(os.environ["AEGIR_OUTPUTS"], "w", encoding="utf-8") as file:
        json.dump(outputs, file)
