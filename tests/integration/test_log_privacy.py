"""What a log must never hold: keys, file names, image bytes, query strings, addresses."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.access import answer_to, key_line
from tests.support.photos import as_bytes
from tests.support.server import ServerProcess
from tests.support.streams import answer_of, open_stream
from tests.support.waiting import wait_until

KEY = "recognisable-key-7f3a"
WRONG_KEY = "recognisable-wrong-key-9c1d"
MARK = b"RECOGNISABLE-PIXELS"
FILE_NAME = "recognisable-holiday.png"
QUERY = "recognisable-query"


def marked_photo() -> bytes:
    """A grey photo whose rows spell the mark, stored without compression."""
    row = np.frombuffer((MARK * 10)[:160], np.uint8)
    return as_bytes(np.tile(row, (120, 1)), "BMP")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_logs_hold_no_keys_file_names_or_image_bytes(
    cache_dir: Path, tmp_path: Path, log_format: str
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(key_line("phone-app", KEY))
    photo = marked_photo()
    assert MARK in photo
    bearer = {"Authorization": f"Bearer {KEY}"}
    with ServerProcess(
        cache_dir=str(cache_dir),
        api_keys_file=str(keys),
        log_format=log_format,
        log_level="DEBUG",
    ) as server:

        def post(path: str, data: bytes, headers: dict[str, str]) -> int:
            files = {"image": (FILE_NAME, data)}
            return server.client.post(path, files=files, headers=headers).status_code

        assert post("/v1/depth", photo, bearer) == 200
        assert post("/v1/depth", photo, {"X-API-Key": KEY}) == 200
        assert post("/v1/depth", photo, {"X-API-Key": WRONG_KEY}) == 401
        assert post("/v1/depth", photo[: len(photo) // 2], bearer) == 422
        assert post("/v1/depth", MARK * 100, bearer) == 415
        assert post(f"/v1/depth?model={QUERY}", photo, bearer) == 404
        assert post(f"/v1/depth?{QUERY}={QUERY}", photo, bearer) == 422
        raw = server.client.post(
            "/v1/depth", content=photo, headers=bearer | {"Content-Type": "image/bmp"}
        )
        assert raw.status_code == 200
        answer_to(server, f"NONSENSE {FILE_NAME} {KEY}\r\n\r\n".encode())
        with pytest.raises(InvalidStatus):
            open_stream(server, f"?model={QUERY}", bearer)
        with open_stream(server) as camera:
            camera.send(json.dumps({"api_key": KEY}))
            camera.send(photo)
            assert answer_of(camera)[0]["sequence"] == 1
        for query in (f"?api_key={KEY}", f"?{QUERY}=1"):
            with pytest.raises(InvalidStatus):
                open_stream(server, query)
        with pytest.raises(InvalidStatus):
            open_stream(server, headers={"X-API-Key": WRONG_KEY})
        # Each is logged after its answer's last byte.
        wait_until(lambda: server.log().count("phone-app") >= 8)
        wait_until(lambda: "frames" in server.log())
        log = server.log()
    assert (log_format == "json") == ('"client":"phone-app"' in log)
    encoded = (base64.b64encode(MARK * 3).decode()[4:-4], MARK.hex())
    for secret in (KEY, WRONG_KEY, FILE_NAME, MARK.decode(), QUERY, *encoded):
        assert secret.lower() not in log.lower()
    own_address = f"{server.url.removeprefix('http://')}"
    assert "127.0.0.1" not in log.replace(own_address, "")
    assert "Traceback" not in log
