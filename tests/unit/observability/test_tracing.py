"""Traces that nobody asks for, and traces that cannot be had."""

from __future__ import annotations

import subprocess
import sys

from tests.support.server import ROOT, service_env

# FastAPI itself imports OpenTelemetry's API; the SDK and its exporter are ours alone.
_LOADED = (
    "import sys\n"
    "import service.commands.serve\n"
    "from service.server.app import create_app\n"
    "create_app()\n"
    "ours = ('opentelemetry.sdk', 'opentelemetry.exporter', 'service.observability.tracing')\n"
    "print([name for name in sys.modules if name.startswith(ours)])\n"
)
_NOT_INSTALLED = (
    "import sys\n"
    "sys.modules['opentelemetry.sdk'] = None\n"
    "sys.modules['opentelemetry.exporter'] = None\n"
    "from service.__main__ import main\n"
    "sys.exit(main(['serve', '--port', '0']))\n"
)


def run(program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env=service_env(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_opentelemetry_is_not_imported_unless_asked_for() -> None:
    done = run(_LOADED)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_traces_without_the_extra_are_an_error_that_says_what_to_install() -> None:
    done = run(_NOT_INSTALLED, traces="otlp")
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert said.startswith("DEPTH_TRACES=otlp: needs OpenTelemetry, pip install '.[tracing]'")
    assert "Traceback" not in done.stderr
