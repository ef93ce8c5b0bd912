"""The command line without a server."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service import __version__
from service.imaging.depth_description import read_description
from tests.support.commands import run_command
from tests.support.depths import motorcycle_metres
from tests.support.effects import depth_file
from tests.support.photos import photo_bytes, photo_path
from tests.support.server import ServerProcess, run_service


@pytest.mark.parametrize("format", ["heatmap", "npy"])
def test_predict_equals_the_server(
    server: ServerProcess, cache_dir: Path, tmp_path: Path, format: str
) -> None:
    output = tmp_path / "out"
    done = run_service(
        *("predict", str(photo_path("coffee.png")), "-o", str(output), "--format", format),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    served = server.client.post(
        f"/v1/depth?format={format}", files={"image": photo_bytes("coffee.png")}
    ).content
    if format == "npy":
        assert np.allclose(np.load(output), np.load(io.BytesIO(served)), atol=1e-5)
    else:
        ours, theirs = Image.open(output), Image.open(io.BytesIO(served))
        assert np.abs(np.asarray(ours).astype(int) - np.asarray(theirs)).max() <= 1
    assert "relative_inverse_depth, min " in done.stdout


def test_predict_takes_the_format_from_the_suffix(cache_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "depth.json"
    done = run_command(
        *("predict", str(photo_path("coffee.png")), "-o", str(output), "--resolution", "256"),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    depth = json.loads(output.read_text())
    # As the server answers: at the network's size.
    assert (depth["model"], depth["width"], depth["height"]) == ("depth_lite_256", 320, 224)


def test_predict_has_the_options_of_http(
    server: ServerProcess, cache_dir: Path, tmp_path: Path
) -> None:
    query = {"anchors": "0.5,0.9,0.6;0.5,0.1,3", "detail": "high", "size": "network"}
    camera = {"intrinsics": "525,525,299.5,199.5"}
    output = tmp_path / "depth.ros.zip"
    done = run_command(
        *("predict", str(photo_path("coffee.png")), "-o", str(output)),
        *(f"--{name}={value}" for name, value in (query | camera).items()),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    served = depth_file(server, photo_bytes("coffee.png"), format="ros", **query, **camera)
    ours, theirs = zipfile.ZipFile(output), zipfile.ZipFile(io.BytesIO(served))
    metres, served_metres = (np.load(archive.open("depth.npy")) for archive in (ours, theirs))
    np.testing.assert_allclose(metres, served_metres, rtol=1e-4)
    assert ours.read("camera_info.json") == theirs.read("camera_info.json")


def test_effect_of_a_photo(cache_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "mesh.glb"
    done = run_command(
        *("effect", "pointcloud", str(photo_path("coffee.png")), "-o", str(output)),
        *("--max-side", "128"),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{output}: pointcloud, model/gltf-binary")
    assert output.read_bytes().startswith(b"glTF")


@pytest.mark.parametrize(
    ("words", "output", "reason"),
    [
        (("effect", "pointcloud"), "mesh.obj", "end its name in .ply, .glb, .stl"),
        (("effect", "portrait", "--format=jpeg"), "p.png", ".jpeg, or leave out --format jpeg"),
        (("effect", "stereo", "--layout=pair"), "p.jpg", ".zip, or leave out --layout pair"),
        (("predict", "--format=json"), "o.npy", ".json, or leave out --format json"),
    ],
)
def test_a_suffix_of_another_kind_of_file_is_refused(
    tmp_path: Path, words: tuple[str, ...], output: str, reason: str
) -> None:
    place = tmp_path / output
    done = run_command(*words, str(photo_path("coffee.png")), "-o", str(place))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{place}: end its name in ")
    assert done.stderr.endswith(f"{reason}\n") and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_photo_alone_gets_its_heatmap_beside_it(cache_dir: Path, tmp_path: Path) -> None:
    photo = tmp_path / "cup.png"
    photo.write_bytes(photo_bytes("coffee.png"))
    done = run_command(str(photo), cache_dir=str(cache_dir))
    assert done.returncode == 0, done.stderr
    heatmap = tmp_path / "cup.png.png"
    assert done.stdout.startswith(f"{heatmap}: heatmap, 600x400")
    assert Image.open(heatmap).size == (600, 400)


def test_a_mistyped_command_is_told_from_a_missing_photo() -> None:
    done = run_service("srve")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such command" in done.stderr and "Was serve meant?" in done.stderr


def test_predict_says_what_is_wrong(cache_dir: Path, tmp_path: Path) -> None:
    text = tmp_path / "photo.jpg"
    text.write_text("hello")
    good, out = photo_path("coffee.png"), tmp_path / "o.png"
    for photo, output, reason in (
        (text, out, "Formats that are read"),
        (tmp_path / "no.jpg", out, "No such file"),
        (good, tmp_path / "missing" / "o.png", "No such file"),
        (good, tmp_path / "o.jpg", "end its name in .png"),
    ):
        done = run_command("predict", str(photo), "-o", str(output), cache_dir=str(cache_dir))
        assert done.returncode != 0
        assert reason in done.stderr
        assert "Traceback" not in done.stderr


def test_doctor(cache_dir: Path) -> None:
    done = run_service("doctor", cache_dir=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert "depth_lite_256 answers by default (DEPTH_MODEL=depth_lite_256)" in done.stdout


def test_openvino_reports_no_usage(tmp_path: Path) -> None:
    """Neither converting nor running leaves its client id in the home folder."""
    done = run_service(
        "models", "prepare", home=str(tmp_path / "home"), cache_dir=str(tmp_path / "cache")
    )
    assert done.returncode == 0, done.stderr
    assert "openvino" in done.stdout
    assert not list(tmp_path.rglob("*openvino_ga*"))
    # Whatever runs here, an image that is moved has what another processor takes.
    assert list(tmp_path.glob("cache/depth_lite_256-*/network.xml"))


@pytest.mark.parametrize("words", [(), ("--precision", "int8")])
def test_a_cache_that_cannot_be_written_is_not_prepared(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    cache = tmp_path / "file" / "cache"
    cache.parent.write_text("in the way of the folder")
    done = run_command("models", "prepare", *words, cache_dir=str(cache))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{cache}: Not a directory\n"


def test_version() -> None:
    assert run_service("--version").stdout.strip() == __version__


def test_predict_writes_16_bits_that_say_what_they_are(
    server: ServerProcess, cache_dir: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cup.png").write_bytes(photo_bytes("coffee.png"))
    done = run_command(
        *("predict", str(photos), "-o", str(tmp_path / "out"), "--format", "depth16"),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    (written,) = (tmp_path / "out").glob("*.png")
    description = read_description(written.read_bytes())
    assert description is not None
    assert (description.kind, description.model) == ("relative_inverse_depth", "depth_lite_256")
    values = description.values(np.asarray(Image.open(written), np.uint16))
    served = depth_file(server, photo_bytes("coffee.png"), format="npy")
    level = (description.high - description.low) / 65535
    assert np.abs(values - np.load(io.BytesIO(served))).max() <= 2 * level


def test_eval_scores_networks_on_photos_of_known_depth(cache_dir: Path, tmp_path: Path) -> None:
    metres = motorcycle_metres()
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a", "b"):
        (data / f"{name}.png").write_bytes(photo_bytes("motorcycle_left.png"))
    np.save(data / "a.npy", metres)
    levels = np.nan_to_num(1000 * metres).astype(np.uint16)
    Image.fromarray(levels).save(data / "b.depth.png")
    (data / "without.png").write_bytes(photo_bytes("chelsea.png"))

    figures = tmp_path / "figures.json"
    done = run_command(
        *("eval", str(data), "--json", str(figures)),
        cache_dir=str(cache_dir),
    )
    assert done.returncode == 0, done.stderr
    assert "2 photos" in done.stdout
    scores = json.loads(figures.read_text())["depth_lite_256"]
    assert 0.05 < scores["delta"] < 0.2
    assert 0.05 < scores["ordinal"] < 0.2

    (tmp_path / "none").mkdir()
    empty = run_command("eval", str(tmp_path / "none"), cache_dir=str(cache_dir))
    assert empty.returncode == 2
    assert "no photo has its true depth" in empty.stderr
    np.save(data / "a.npy", np.ones((3, 3)))
    wrong = run_command("eval", str(data), cache_dir=str(cache_dir))
    assert wrong.returncode == 2
    assert "a.png: the truth is (3, 3)" in wrong.stderr


def test_a_mistyped_setting_is_an_error_and_an_unknown_one_is_logged(cache_dir: Path) -> None:
    slip = run_command("settings", api_key_file="keys.txt")
    assert slip.returncode == 2
    assert "DEPTH_API_KEY_FILE" in slip.stderr
    assert "DEPTH_API_KEYS_FILE meant?" in slip.stderr
    other = run_command("--version", service_host="10.0.0.1")
    assert other.returncode == 0
    with ServerProcess(cache_dir=str(cache_dir), service_host="10.0.0.1") as server:
        assert "WARNING service [-] DEPTH_SERVICE_HOST: there is no such setting" in server.log()
