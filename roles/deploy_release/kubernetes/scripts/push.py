"""The last step: brings the image to the registry, and tells its name by digest."""

import json
import os

from git_remote import Refused
from steps import (
    ACCESS,
    BUILDAH,
    BUILT,
    FOUND,
    Failed,
    begin,
    container_environment,
    digest_of,
    explain_registry,
    image_name,
    run,
    secret,
    setting,
    write,
)


def push(tagged, environment):
    try:
        run([*BUILDAH, "push", "--digestfile", f"{ACCESS}/digest", BUILT, f"docker://{tagged}"], environment)
    except Failed as failure:
        raise Refused(explain_registry(failure.words)) from None
    return secret(f"{ACCESS}/digest").strip()


def main():
    environment = container_environment()
    tagged = f"{image_name()}:{setting('HASH')}"
    # Of several Tasks that build the same commit the first one counts, so all have one image. What the build itself has left on
    # the volume is not asked: the repository has had its way with it.
    there = digest_of(tagged, environment)
    if there and not os.path.exists(FOUND):
        print("Another build of this commit was faster: its image counts.", flush=True)
    image = f"{image_name()}@{there or push(tagged, environment)}"
    print(f"The image is {image}.", flush=True)
    write(os.environ["AEGIR_OUTPUTS"], json.dumps({"image": image, "changed": not there}))


if __name__ == "__main__":
    begin(main)
