"""The first step: looks whether there is something to build, and fetches what it is built from: the code at exactly one commit,
the recipe, and base images that only the Cluster's registry has."""

import os
import re
import shutil
import subprocess

from git_remote import REPOSITORY, Refused, explain, git_environment
from steps import (
    BUILDAH,
    CODE,
    DENIED,
    FOUND,
    RECIPE,
    TIME,
    WORK,
    Failed,
    begin,
    container_environment,
    digest_of,
    image_name,
    no_room,
    plain_end,
    registry_host,
    run,
    secret,
    setting,
    write,
)

# Older git servers give out the ends of branches and tags only.
ENDS_ONLY = r"not our ref|unadvertised object|find remote ref|no such remote ref|does not allow request"
# Neither line ends nor keywords nor filters change a file (the last would run programs that the repository names).
ATTRIBUTES = "* -text -eol -ident -filter -working-tree-encoding\n"
# Below the code: neither absolute, nor out of it, nor an option, nor more than a word in a recipe.
FOLDER = re.compile(r"(?![-/])(?!(.*/)?\.\.(/|\Z))[^\x00-\x1f\x7f\"'\\$`{};%*?\[\]]+")
# Where a pod of an Environment has the files of its visitors.
FILES = "/srv/site/files"
CONTRACT = "docs/kubernetes.md says what an image must keep"


def fetch_code():
    repository, commit = setting("REPOSITORY"), setting("HASH")
    if not REPOSITORY.fullmatch(repository):
        raise Refused("The repository's address is not of the form that it must have; nothing was done.")
    template = f"{WORK}/template"
    os.makedirs(f"{template}/info")
    write(f"{template}/info/attributes", ATTRIBUTES)
    os.mkdir(CODE)
    with git_environment(secret("/key/key"), protocols="git:http:https:ssh") as environment:
        # A host that sends nothing for a minute has gone; a server that is still counting says so every few seconds.
        slow = {"GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "60"}
        git = Git({**environment, **slow, "GIT_TEMPLATE_DIR": template, "HOME": WORK})
        try:
            git.run("init", "--quiet", "--initial-branch=aegir")
            # Relative addresses of submodules count from the remote "origin".
            git.run("config", "remote.origin.url", repository)
            git.fetch_commit(repository, commit, setting("GIT_REF"))
            git.run("-c", "advice.detachedHead=false", "checkout", "--quiet", "--detach", commit)
            git.run("submodule", "update", "--init", "--recursive", "--depth", "1", "--progress")
            committed = git.time_of(commit)
        except Failed as failure:
            if "No space left" in failure.words:
                raise Refused(no_room()) from None
            raise Refused(explain(failure.words, "the cluster")) from None
    for folder, folders, files in os.walk(CODE):
        if ".git" in files:
            os.unlink(os.path.join(folder, ".git"))
        if ".git" in folders:
            folders.remove(".git")
            shutil.rmtree(os.path.join(folder, ".git"))
    return committed


class Git:
    def __init__(self, environment):
        self.environment = environment

    def run(self, *arguments):
        run(["git", "-c", "core.hooksPath=/dev/null", *arguments], self.environment, CODE)

    def has(self, commit):
        command = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
        return subprocess.run(command, cwd=CODE, env=self.environment, capture_output=True).returncode == 0

    def time_of(self, commit):
        command = ["git", "show", "--no-patch", "--format=%ct", commit]
        return subprocess.run(command, cwd=CODE, env=self.environment, capture_output=True, text=True).stdout.strip()

    def fetch_commit(self, repository, commit, ref):
        shallow = ["fetch", "--progress", "--depth", "1", "--no-tags", "--end-of-options", repository]
        try:
            self.run(*shallow, commit)
            return
        except Failed as failure:
            if not re.search(ENDS_ONLY, failure.words):
                raise
        if ref:
            try:
                self.run(*shallow, ref)
            except Failed:
                print(f"{ref} is not there any more.", flush=True)
        if not self.has(commit):
            everything = ["+refs/heads/*:refs/remotes/all/*", "+refs/tags/*:refs/tags/*"]
            self.run("fetch", "--progress", "--end-of-options", repository, *everything)
        if not self.has(commit):
            raise Refused(
                f"The repository has no commit {commit}, on no branch and under no tag. Was it pushed, or has it been removed"
                " since? Make a new Release of a branch or tag that exists."
            )


def write_recipe(committed):
    for name in ("Containerfile", "Dockerfile"):
        path = f"{CODE}/{name}"
        if not os.path.isfile(path):
            continue
        # A link may lead to what this step alone may see.
        if not os.path.realpath(path).startswith(f"{CODE}/"):
            raise Refused(f"The {name} of the repository is a link that leads out of it. Put the file itself there.")
        print(f"It is built by the {name} of the repository.", flush=True)
        shutil.copyfile(path, RECIPE)
        return
    write(RECIPE, own_recipe(find_base()))
    write(TIME, committed)


def find_base():
    which = setting("BASE")
    fields = {"web": ("WEB_IMAGE", "Static sites"), "php": ("PHP_IMAGE", "PHP sites")}
    if which not in fields:
        raise Refused(
            "The repository has no Containerfile, and nothing says how an application of this type is built. Add a"
            f" Containerfile to its top folder ({CONTRACT}), or enter an image in the Release."
        )
    variable, label = fields[which]
    if not setting(variable):
        raise Refused(
            f"The repository has no Containerfile, and the Cluster names no image to build on (“{label}”). Enter one on the"
            f" Cluster, or add a Containerfile to the repository ({CONTRACT})."
        )
    return setting(variable)


def own_recipe(base):
    docroot = (setting("DOCROOT") or ".").strip("/") or "."
    files = setting("FILES").strip("/")
    if not all(FOLDER.fullmatch(folder) for folder in (docroot, files or ".")):
        raise Refused(
            "The docroot and the folder of uploads must be a folder inside of the repository, such as “web”; without “..”,"
            " quotes or a “/” at its begin."
        )
    has_packages = not os.path.isfile(f"{CODE}/composer.json") or os.path.isfile(f"{CODE}/vendor/autoload.php")
    packages = [] if has_packages or setting("BASE") != "php" else [
        # On behalf of root, who does not ask whether it may.
        "ENV COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_HOME=/tmp/composer",
        "RUN cd /app && composer install --no-dev --no-interaction --no-progress && rm -rf /tmp/composer",
    ]
    if has_packages and not os.path.isdir(f"{CODE}/{docroot}"):
        raise Refused(f"The repository has no folder “{docroot}”, which is the docroot. Correct that of the Project.")
    if files:
        link_files(os.path.normpath(f"{CODE}/{docroot}/{files}"))
    print(f"The repository has no Containerfile: it is put into the image {base}.", flush=True)
    root = os.path.normpath(f"/app/{docroot}")
    # Nobody who serves the site can write there.
    return "\n".join([f"FROM {base}", "USER 0:0", "COPY . /app/", *packages, f'ENV DOCUMENT_ROOT="{root}"', "USER 1000:1000", ""])


def write_settings():
    """What has the application read the Environment's settings, which are on its volume. It is among the code, so a Containerfile that
    copies the repository has it, too. One that was committed stays beside it, where the application type reads that."""
    file, text = setting("SETTINGS_FILE"), setting("SETTINGS_TEXT")
    if not file:
        return
    path = os.path.normpath(f"{CODE}/{setting('DOCROOT') or '.'}/{file}")
    folder = os.path.dirname(path)
    code = os.path.realpath(CODE)
    if os.path.commonpath([os.path.realpath(folder), code]) != code:
        raise Refused(f"The folder of {file} is a link that leads out of the repository. Put the folder itself there.")
    os.makedirs(folder, exist_ok=True)
    if os.path.lexists(path):
        kept = path.removesuffix(".php") + ".repository.php"
        os.rename(path, kept)
        if os.path.basename(kept) not in text:
            os.unlink(kept)
            print(f"The {file} of the repository is not in the image: the settings of the Environment take its place.", flush=True)
    write(path, text)


def link_files(folder):
    """What visitors upload lies on the Environment's volume."""
    if os.path.isdir(folder) and not os.path.islink(folder):
        count = sum(len(names) for _folder, _folders, names in os.walk(folder))
        if count:
            print(f"{count} files that were committed in {os.path.relpath(folder, CODE)} are not in the image: uploads lie there.")
        shutil.rmtree(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    if os.path.lexists(folder):
        os.unlink(folder)
    os.symlink(FILES, folder)


def pull_bases(environment):
    """With the registry's password only what the Cluster names and the Project's own images: others in it are not the Project's
    to see. What anybody may read is read by the next step."""
    if not secret("/registry/password"):
        return
    with open(RECIPE, encoding="utf-8", errors="replace") as file:
        text = file.read()
    named = re.findall(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)|--from=(\S+)", text, re.IGNORECASE | re.MULTILINE)
    for image in sorted({one or other for one, other in named}):
        is_given = image in (setting("WEB_IMAGE"), setting("PHP_IMAGE")) or re.split("[:@]", image[len(registry_host()) :])[
            0
        ] == image_name()[len(registry_host()) :]
        if image.startswith(f"{registry_host()}/") and is_given:
            try:
                run([*BUILDAH, "pull", "--quiet", image], environment)
            except Failed as failure:
                why = (
                    "Check user and password of the registry on the Cluster."
                    if re.search(DENIED, failure.words, re.IGNORECASE)
                    else "Correct its name, or push it there."
                )
                raise Refused(f"The base image {image} cannot be had. {why} It says: {plain_end(failure.words)}") from None


def main():
    if not re.search(r"[.:]|^localhost$", registry_host()):
        raise Refused(
            f"The Cluster's registry “{setting('REGISTRY')}” does not begin with a host: enter it such as"
            " registry.example.org/sites."
        )
    environment = container_environment()
    tagged = f"{image_name()}:{setting('HASH')}"
    found = digest_of(tagged, environment)
    if found:
        print(f"The registry has the image of this commit already: {tagged}.", flush=True)
        write(FOUND, found)
        return
    committed = fetch_code()
    write_settings()
    write_recipe(committed)
    pull_bases(environment)


if __name__ == "__main__":
    begin(main)
