"""The same network behind LitServe, with its batching on."""

from __future__ import annotations

import argparse

import litserve
from fastapi import Response

from load_tests.alternatives.handlers import Handler
from service.imaging.network_input import NetworkInput
from service.imaging.transforms import DepthArray

_Item = tuple[NetworkInput, DepthArray | None]


class DepthApi(litserve.LitAPI):  # type: ignore[misc]
    """Decode, predict a batch, encode."""

    def __init__(self, model: str, imaging: str) -> None:
        super().__init__(max_batch_size=4, batch_timeout=0.005, api_path="/predict")
        self._arguments = (model, imaging)

    def setup(self, device: str) -> None:
        self._handler = Handler(*self._arguments)

    def decode_request(self, request) -> NetworkInput:  # type: ignore[no-untyped-def]  # noqa: ANN001
        return self._handler.imaging.decode(request["image"].file.read())

    def batch(self, inputs: list[NetworkInput]) -> list[NetworkInput]:
        return inputs

    def predict(self, photos: list[NetworkInput]) -> list[_Item]:
        return list(zip(photos, self._handler.infer(photos), strict=True))

    def unbatch(self, output: list[_Item]) -> list[_Item]:
        return output

    def encode_response(self, output: _Item) -> Response:
        photo, depth = output
        assert depth is not None
        return Response(self._handler.imaging.encode(depth, photo), media_type="image/png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--imaging", choices=("cv2", "ours"), required=True)
    arguments = parser.parse_args()
    server = litserve.LitServer(DepthApi(arguments.model, arguments.imaging), accelerator="cpu")
    server.run(
        port=arguments.port, host="127.0.0.1", log_level="warning", generate_client_file=False
    )


if __name__ == "__main__":
    main()
