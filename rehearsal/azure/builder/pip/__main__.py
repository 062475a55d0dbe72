"""`pip install` of the rehearsal's image builds: there is no network, so the packages are Debian's.

Every requirement is checked against the distributions of the image root, version and extras included; one that is
not met fails the build with pip's own words.
"""

import importlib.metadata
import pathlib
import shlex
import sys

from packaging.requirements import InvalidRequirement, Requirement

# pip and its helpers are left to the builder: Debian may or may not package them.
OWN = {"pip", "setuptools", "wheel"}
WITH_VALUE = {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-t",
              "--target", "--prefix", "--root", "--find-links", "-f", "--timeout", "--retries", "--trusted-host",
              "--progress-bar", "--root-user-action", "--only-binary", "--no-binary"}


def fail(text: str) -> None:
    print(f"ERROR: {text}", file=sys.stderr)
    sys.exit(1)


def lines_of(name: str) -> list[str]:
    try:
        text = pathlib.Path(name).read_text(encoding="utf-8")
    except OSError as error:
        fail(f"Could not open requirements file: [Errno {error.errno}] {error.strerror}: '{name}'")
    wanted: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.split(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith(("-r ", "--requirement ")):
            nested = pathlib.Path(name).parent / line.split(None, 1)[1]
            wanted += lines_of(str(nested))
        elif line.startswith("-"):
            continue
        else:
            wanted.append(line.split(" --hash")[0])
    return wanted


def check(text: str, seen: set[str]) -> None:
    try:
        wanted = Requirement(text)
    except InvalidRequirement as error:
        fail(f"Invalid requirement: '{text}': {error}")
    if wanted.marker is not None and not wanted.marker.evaluate():
        print(f"Ignoring {wanted.name}: markers '{wanted.marker}' don't match your environment")
        return
    if wanted.name.lower() in OWN:
        print(f"Requirement already satisfied: {text} (the builder's own)")
        return
    try:
        found = importlib.metadata.distribution(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        missing(wanted, "none")
    if found.version not in wanted.specifier:
        missing(wanted, found.version)
    print(f"Requirement already satisfied: {text} in {found.locate_file('')} ({found.version})")
    if wanted.name.lower() in seen:
        return
    seen.add(wanted.name.lower())
    for extra in wanted.extras:
        for each in found.requires or []:
            needed = Requirement(each)
            if needed.marker and not needed.marker.evaluate({"extra": ""}) and needed.marker.evaluate({"extra": extra}):
                check(f"{needed.name}{needed.specifier}", seen)


def missing(wanted: Requirement, versions: str) -> None:
    name = f"{wanted.name}{wanted.specifier}"
    print(
        f"ERROR: Could not find a version that satisfies the requirement {name} (from versions: {versions})",
        file=sys.stderr,
    )
    fail(f"No matching distribution found for {name}. The rehearsal builds from Debian 12's Python packages: "
         f"widen the requirement, or add python3-{wanted.name.lower()} to rehearsal/roots.ts.")


def install(arguments: list[str]) -> None:
    requirements: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        option, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if option in WITH_VALUE:
            value = value or (rest.pop(0) if rest else "")
            if option in ("-r", "--requirement"):
                requirements += lines_of(value)
        elif word.startswith("-r") and len(word) > 2:
            requirements += lines_of(word[2:])
        elif word.startswith("-"):
            continue
        elif word.startswith((".", "/")) or "://" in word:
            fail(f"The rehearsal's builder cannot install '{word}': name a distribution that Debian has.")
        else:
            requirements.append(word)
    if not requirements:
        fail("You must give at least one requirement to install (see \"pip help install\")")
    seen: set[str] = set()
    for each in requirements:
        check(each, seen)


def main() -> None:
    arguments = [word for word in sys.argv[1:]]
    while arguments and arguments[0].startswith("-"):
        if arguments[0] in ("-V", "--version"):
            print("pip (the rehearsal's builder)")
            return
        arguments.pop(0)
    command = arguments.pop(0) if arguments else ""
    if command == "install":
        install(arguments)
    elif command in ("check", "cache"):
        print("No broken requirements found.")
    elif command in ("list", "freeze"):
        for each in sorted(importlib.metadata.distributions(), key=lambda one: one.metadata["Name"].lower()):
            print(f"{each.metadata['Name']}=={each.version}")
    else:
        fail(f"The rehearsal's pip does not support: pip {shlex.join([command, *arguments])}")


main()
