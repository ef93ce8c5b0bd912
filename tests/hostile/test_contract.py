"""The OpenAPI document against the server, by Schemathesis with all its checks."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings, strategies
from schemathesis import Case

from tests.hostile.seeds import seed_photos
from tests.support.sample import gate_or_whole
from tests.support.server import ROOT, ServerProcess

_EXAMPLES = gate_or_whole(25, 100)

# A schema cannot say which bytes are a photo, so the valid bodies are given here.
_PHOTOS = strategies.sampled_from(list(seed_photos().values()))
schemathesis.openapi.format("binary", _PHOTOS)
for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, _PHOTOS)

# No check is off. Some are told of documented answers. A caller who asks for a deadline of 1e-300
# seconds is rightly told that it has passed. And no schema can say that a depth map is the photo's,
# that anchors agree with it, or that it leaves a surface: 415 or 422 are right answers to those. A
# comparison may name a network whose weights are not installed, which is 503 by the document.
_ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]
_CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {"not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "504"]}},
        "operations": [
            {
                "include-path-regex": "^/v1/(effects/|depth)",
                "checks": {
                    "positive_data_acceptance": {"expected-statuses": [*_ACCEPTED, "415", "422"]}
                },
            },
            {
                "include-path-regex": "^/v1/compare",
                "checks": {
                    "not_a_server_error": {
                        "expected-statuses": ["2xx", "3xx", "4xx", "503", "504"]
                    },
                    "positive_data_acceptance": {"expected-statuses": [*_ACCEPTED, "415", "422"]},
                },
            },
        ],
    }
)

# The file is the app's document: `make check-openapi` compares them.
schema = schemathesis.openapi.from_path(str(ROOT / "openapi" / "openapi.json"), config=_CONFIG)


@schema.parametrize()
@settings(
    max_examples=_EXAMPLES,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_conforms_to_the_document(target: ServerProcess, case: Case[Any]) -> None:
    case.call_and_validate(base_url=target.url)
