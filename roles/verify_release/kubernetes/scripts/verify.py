"""Asks the registry whether it still has the image of the Release."""

import re

from git_remote import Refused
from steps import DENIED, MISSING, ask_registry, begin, container_environment, explain_registry, registry_host, setting


def main():
    image = setting("IMAGE")
    digest, words = ask_registry(image, container_environment())
    if digest:
        print(f"The registry has {image}.")
        return
    is_own = image.startswith(f"{registry_host()}/")
    if re.search(MISSING, words, re.IGNORECASE):
        raise Refused(
            f"The registry has no {image} any more. Empty the field “Image” of the Release and run “Build an image” on it, or"
            " enter another one."
        )
    if re.search(DENIED, words, re.IGNORECASE) and not is_own:
        print(f"{image} is in a registry whose password the Cluster does not know: whether it is there is not looked up.")
        return
    raise Refused(explain_registry(words, image.split("/")[0]))


if __name__ == "__main__":
    begin(main)
