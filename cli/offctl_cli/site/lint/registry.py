"""Every rule there is, by code: those the lints check, and those of reading and compiling."""

from offctl_cli.site.finding import Severity
from offctl_cli.site.lint import (
    consents,
    containers,
    datasets,
    idmaps,
    mounts,
    networks,
    properties,
    routes,
    tunnels,
)
from offctl_cli.site.lint.rule import Rule

_ELSEWHERE = {
    # reading
    "toml-syntax": "A file is TOML 1.0 in UTF-8, no deeper or longer than a person would write.",
    "include": "Files named by `include` are there, end in .toml and are in the site's directory.",
    "defined-twice": "A table or key is written in one file only.",
    "unknown-key": "A key is one of those that its table knows.",
    "missing-key": "A key that cannot be done without is written.",
    "wrong-type": "A value has the type of its key.",
    "out-of-range": "A number is, and a list is as long as, its key allows.",
    "bad-value": "A text has the form of its key.",
    "bad-name": "What the operator names has a name of the allowed form.",
    "listed-twice": "A list holds no element twice.",
    # compiling
    "application": "An application does not contradict its flavor.",
    "bridge": "An interface has a bridge: its own, or its role's on the host.",
    "dataset-elsewhere": "A dataset that is mounted has a place on the container's host.",
    "dataset-twice": "A ZFS dataset of a host has one logical name.",
    "idmap": "An id-map is written as intent or as lines, and its spans rise.",
    "mountpoint": "The mountpoint of a dataset is a directory it can be mounted at.",
    "owner": "An owner's ids are clear, and mapped where they are seen.",
    "route": "A route leads to one thing: a container, a tunnel or an address.",
    "tunnel-end": "An end of a tunnel is in one container, on one host, or unmanaged.",
    "tunnel-key": "A tunnel with an unmanaged end names the file that holds its key.",
    "tunnel-rotation": "A rotation follows its phases, and only where offctl makes the keys.",
    "tunnel-target": "A container named as a tunnel's target has an internal address.",
    "undeclared": "A host, container, dataset, profile, storage or application named is declared.",
    "without-mounts": "A target that is done without is one that a rule would mount.",
}

CHECKED: tuple[Rule, ...] = (
    *containers.RULES,
    *networks.RULES,
    *datasets.RULES,
    *properties.RULES,
    *mounts.RULES,
    *idmaps.RULES,
    *tunnels.RULES,
    *routes.RULES,
)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *CHECKED,
            consents.FREEZE_OVER,
            *(Rule(code, Severity.ERROR, doc) for code, doc in _ELSEWHERE.items()),
        ),
        key=lambda each: each.code,
    )
)
