"""The way to a cluster: a kubeconfig, or the service account of the pod that abreast runs in."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import yaml
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from abreast.model.errors import DriverError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG: Final = "~/.kube/config"

_KNOWN_EXEC: Final = "client.authentication.k8s.io/v1beta1"
_SAME_EXEC: Final = "client.authentication.k8s.io/v1"
"""What plugins of v1 answer is what those of v1beta1 do; lightkube knows the latter by name."""


def find_access(
    context: str = "", environ: Mapping[str, str] = os.environ, service_account: Path = SERVICE_ACCOUNT
) -> SingleConfig:
    """The cluster, and who we are there. Raises DriverError when nothing says it.

    ``KUBECONFIG`` comes first, as with kubectl; then the pod's service account, unless a ``context`` is asked for;
    then ``~/.kube/config``. The service account's token is read again when the server refuses it: kubelet replaces
    the file, and the old token lives long enough.
    """
    file = environ.get("KUBECONFIG", "")
    try:
        if not file and not context and (service_account / "token").is_file():
            config = KubeConfig.from_service_account(service_account)
        else:
            config = KubeConfig.from_file(file or DEFAULT_KUBECONFIG)
        found = config.get(context or None)
    except (ConfigError, RuntimeError) as error:  # the latter: nobody knows whose home ~ is
        remedy = "set KUBECONFIG to one file, or run abreast in the cluster with a service account"
        raise DriverError(f"no way to a Kubernetes cluster: {error}", remedy) from error
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError, yaml.YAMLError, OSError) as error:
        told = f"{type(error).__name__}: {error}"
        message = f"the kubeconfig {file or DEFAULT_KUBECONFIG} cannot be used: {told}"
        raise DriverError(message, "try it with: kubectl version") from error
    if found is None:
        raise DriverError("the kubeconfig names no context", "write its current-context, or `kubernetes.context`")
    return found._replace(user=_user(found.user))


def _user(user: User | None) -> User:
    """Somebody, for lightkube wants one, also where a server asks for nobody."""
    if user is None:
        return User()
    if user.exec is not None and user.exec.apiVersion == _SAME_EXEC:
        return msgspec.structs.replace(user, exec=msgspec.structs.replace(user.exec, apiVersion=_KNOWN_EXEC))
    return user
