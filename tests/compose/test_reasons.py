"""Every key of compose has its reason, or is read."""

import pytest

from abreast.compose.reasons import BUILD, CARRIED, REASONS, reason

SERVICE_KEYS = [
    "annotations",
    "attach",
    "build",
    "blkio_config",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "cap_add",
    "cap_drop",
    "cgroup",
    "cgroup_parent",
    "command",
    "configs",
    "container_name",
    "depends_on",
    "deploy",
    "develop",
    "device_cgroup_rules",
    "devices",
    "dns",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "external_links",
    "extra_hosts",
    "gpus",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "mem_reservation",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_score_adj",
    "pid",
    "platform",
    "ports",
    "privileged",
    "profiles",
    "pull_policy",
    "read_only",
    "restart",
    "runtime",
    "scale",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "uts",
    "volumes",
    "volumes_from",
    "working_dir",
]
"""Of https://docs.docker.com/reference/compose-file/services/."""


@pytest.mark.parametrize("key", SERVICE_KEYS)
def test_no_key_of_compose_is_without_a_word(key: str) -> None:
    assert (key in CARRIED) != (key in REASONS)
    assert reason("nothing_of_theirs").startswith("it is not a key")


def test_what_is_read_of_a_build_is_what_a_spec_has() -> None:
    assert {"context", "dockerfile", "args", "target"} == BUILD
