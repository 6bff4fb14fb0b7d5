"""Why a key of a compose file is not in the proposal, and what to do where it matters."""

from collections.abc import Mapping
from typing import Final

_IMAGE: Final = "set it in the image instead"
_NO_KEY: Final = "there is no key for it"
_RIGHTS: Final = (
    "there is no key for it: if the service needs it, build it into the image, or leave this one to compose"
)

CARRIED: Final = frozenset(
    {
        *(
            "image",
            "build",
            "entrypoint",
            "command",
            "environment",
            "env_file",
            "ports",
            "expose",
            "volumes",
            "healthcheck",
        ),
        *("deploy", "networks", "user", "labels", "pull_policy", "stop_grace_period", "scale", "cpus", "mem_limit"),
        *("depends_on", "links"),
    }
)
"""Keys that are read; what of them is left out has its own reason."""

REASONS: Final[Mapping[str, str]] = {
    "restart": "not needed: an instance that ends is started again, with back-off",
    "container_name": "several instances cannot share a name; each has its own, such as web-v1-1-…",
    "hostname": "several instances cannot share a name",
    "working_dir": f"the image says where its command runs: {_IMAGE} (WORKDIR)",
    "stop_signal": f"the image's own is sent: {_IMAGE} (STOPSIGNAL)",
    "init": f"{_NO_KEY}: put a small init into the image, or use exec in its script",
    "network_mode": "instances need an address of their own: the gateway tells them apart by it",
    "extra_hosts": f"{_NO_KEY}: let the name be found by DNS",
    "dns": f"{_NO_KEY}: the engine's own is used",
    "dns_search": f"{_NO_KEY}: the engine's own is used",
    "logging": "abreast keeps the logs: .abreast/logs, rotated",
    "tmpfs": f"{_NO_KEY}: a volume without a source (`/path`) is fresh for each container",
    "secrets": f"{_NO_KEY}: mount the file as a volume, or hand the value through as a variable of the environment",
    "configs": f"{_NO_KEY}: mount the file as a volume",
    "profiles": "a version runs when the rollout says so",
    "platform": "the engine's own is used",
    "runtime": "the engine's own is used",
    "tty": "nobody is at the terminal",
    "stdin_open": "nobody is at the terminal",
    "attach": "logs go to .abreast/logs",
    "develop": "it is compose's own",
    "annotations": "use `labels`",
    "mem_reservation": f"{_NO_KEY}; the limit is kept",
    "memswap_limit": "no swap is added to the memory",
    "cpu_shares": f"{_NO_KEY}: use cpus",
    "cpuset": f"{_NO_KEY}: use cpus",
    "cpu_quota": f"{_NO_KEY}: use cpus",
    **dict.fromkeys(("cap_add", "cap_drop", "privileged", "devices", "device_cgroup_rules", "gpus"), _RIGHTS),
    **dict.fromkeys(("security_opt", "sysctls", "ulimits", "shm_size", "read_only", "group_add"), _RIGHTS),
    **dict.fromkeys(("pid", "ipc", "uts", "userns_mode", "cgroup", "cgroup_parent", "oom_score_adj"), _RIGHTS),
    **dict.fromkeys(("volumes_from", "external_links", "mac_address", "domainname", "blkio_config"), _NO_KEY),
}
"""By key of a service."""

BUILD: Final = frozenset({"context", "dockerfile", "args", "target"})
"""Keys of `build` that are read."""


def reason(key: str) -> str:
    """Why that key of a service is left out."""
    return REASONS.get(key, "it is not a key that abreast knows")
