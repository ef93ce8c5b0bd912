"""The demo as a reader of its article would write it: Flask, torch eager, one at a time."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from flask import Flask, Response, request

from load_tests.plain_script import PlainScript
from service.machine.cpu import cpu_budget
from service.models.registry import find_spec
from service.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    arguments = parser.parse_args()
    script = PlainScript(find_spec(arguments.model), Settings().weights_dir, cpu_budget())
    app = Flask(__name__)
    upload = Path(tempfile.mkdtemp()) / "photo.jpg"

    @app.post("/predict")
    def predict() -> Response:
        request.files["image"].save(upload)
        return Response(script(upload), mimetype="image/png")

    app.run(port=arguments.port, threaded=False)


if __name__ == "__main__":
    main()
