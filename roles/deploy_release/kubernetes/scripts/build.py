"""The second step: builds the image. It runs what the repository says, so it has no secret."""

import os
import re

from git_remote import Refused
from steps import (
    AWAY,
    BUILDAH,
    BUILT,
    CODE,
    DENIED,
    FOUND,
    MISSING,
    PLAIN,
    RECIPE,
    TIME,
    Failed,
    begin,
    container_environment,
    no_room,
    plain_end,
    run,
    secret,
    setting,
)


def explain_build(words):
    said = plain_end(words)
    base = re.search(r"docker://([^\s\"]+?):?(?=[\s\"]|$)", words)
    if re.search("no space left", words, re.IGNORECASE):
        return no_room()
    if re.search(r"unshare.*[Oo]peration not permitted|insufficient UIDs|[Ee]rror during unshare", words):
        return (
            "The nodes do not let builds make a user namespace. Where their kubelet has “seccompDefault”, give the pod"
            " “seccompProfile: {type: Unconfined}” and the namespace the level “privileged” by overrides of"
            f" kubernetes/1-namespace.yml and kubernetes/2-build.yml. It says: {said}"
        )
    if "short-name" in words:
        return f"A base image has no registry in its name: write that in front of it in the Containerfile. It says: {said}"
    if base and re.search(MISSING, words, re.IGNORECASE):
        return f"The base image {base.group(1)} is not in its registry: correct its name in the Containerfile, or push it there."
    if base and re.search(DENIED, words, re.IGNORECASE):
        return (
            f"The base image {base.group(1)} is not given to everybody. A build reads images that everybody may read, those that"
            f" the Cluster names, and the Project's own. It says: {said}"
        )
    if base and re.search(PLAIN, words):
        return f"The registry of the base image {base.group(1)} does not speak TLS, and only that of the Cluster may be without."
    if base and re.search(AWAY, words, re.IGNORECASE):
        return f"The registry of the base image {base.group(1)} cannot be reached from the cluster. It says: {said}"
    return f"The image could not be built; the lines above say why. It ended with: {said}"


def main():
    if os.path.exists(FOUND):
        return
    command = [*BUILDAH, "bud", "--isolation", "chroot", "--pull=false", "--tag", BUILT, "--file", RECIPE]
    command += ["--label", f"org.opencontainers.image.revision={setting('HASH')}"]
    # Of one commit and one base it makes one image, whoever builds it. Not where others say how: times may mean something there.
    committed = secret(TIME)
    if committed:
        command += ["--timestamp", committed]
    try:
        run([*command, CODE], container_environment())
    except Failed as failure:
        raise Refused(explain_build(failure.words)) from None


if __name__ == "__main__":
    begin(main)
