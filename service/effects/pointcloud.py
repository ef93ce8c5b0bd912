"""Point clouds as PLY and meshes as GLB or STL, for any 3D viewer.

PLY: Turk, "The PLY Polygon File Format", 1994. GLB: glTF 2.0, Khronos Group 2021, section 4.4; the
material is unlit (KHR_materials_unlit), because the photo has its light already.
"""

from __future__ import annotations

import io
import struct
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
from PIL import Image
from pydantic import Field

from service.effects.record import Effect, Source
from service.errors import InvalidParameter
from service.geometry.camera import Camera
from service.geometry.mesh import Mesh, MeshOptions, build_mesh, texture
from service.geometry.stl import MEDIA_TYPE as STL_TYPE
from service.geometry.stl import add_facets, begin_stl
from service.imaging.depth_kind import RELATIVE
from service.imaging.depth_map import DepthMap
from service.imaging.transforms import Rgb

_PLY_HEADER = """ply
format binary_little_endian 1.0
comment x right, y up, looking along -z; units: {unit}
{comments}element vertex {count}
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
end_header
"""
_PLY_VERTEX = np.dtype([("point", "<f4", 3), ("colour", "u1", 3)])

_CHUNK_POINTS = 1 << 18
_CHUNK_TRIANGLES = 1 << 16
_MILLIMETRES = np.float32(1000)
# Of chunks and strips.
_OTHER_BYTES = 20_000_000

_JPEG_QUALITY = 90
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_FLOAT, _UINT32 = 5126, 5125
_LINEAR, _LINEAR_MIPMAPS, _CLAMP = 9729, 9987, 33071
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942


class SurfaceFormat(StrEnum):
    """Files of points in space."""

    PLY = "ply"
    GLB = "glb"
    STL = "stl"


class PointcloudOptions(MeshOptions):
    """How points are placed and joined, and written."""

    format: SurfaceFormat = Field(
        SurfaceFormat.PLY,
        description="`ply` coloured points; `glb` a mesh with texture; `stl` its triangles, "
        "1000 for the metre or the nearest point's distance.",
    )


def encode_ply(
    pixels: Rgb, depth: DepthMap, options: MeshOptions, camera: Camera | None = None
) -> bytes:
    """Coloured points as binary little-endian PLY: 15 bytes each.

    ``pixels``, ``depth`` and ``camera`` are :func:`service.geometry.mesh.build_mesh`'s. Raises
    :class:`InvalidParameter` when nothing is left.
    """
    # Measured points are all of the client's; of a network's some float between two surfaces.
    mesh = _mesh(pixels, depth, options, camera, not options.refines(depth))
    unit = "metres" if depth.kind.unit else "distance of the nearest point"
    note = _note(depth, options)
    comments = f"comment {note}\n" if note else ""
    header = _PLY_HEADER.format(count=len(mesh.points), unit=unit, comments=comments)
    file = io.BytesIO()
    file.write(header.encode("ascii"))
    for first in range(0, len(mesh.points), _CHUNK_POINTS):
        some = slice(first, first + _CHUNK_POINTS)
        points = mesh.points[some]
        vertices = np.empty(len(points), _PLY_VERTEX)
        vertices["point"], vertices["colour"] = points, mesh.colours[some]
        file.write(vertices.data)
    return file.getvalue()


def encode_glb(
    pixels: Rgb, depth: DepthMap, options: MeshOptions, camera: Camera | None = None
) -> bytes:
    """The surface as binary glTF with the photo as its texture (JPEG).

    Parameters and errors are those of :func:`encode_ply`.
    """
    mesh = _mesh(pixels, depth, options, camera, every_point=False)
    picture = io.BytesIO()
    Image.fromarray(texture(pixels, options)).save(picture, "JPEG", quality=_JPEG_QUALITY)
    parts = [
        mesh.points.astype("<f4", copy=False).data,
        mesh.places.astype("<f4", copy=False).data,
        mesh.triangles.astype("<u4", copy=False).data,
        picture.getbuffer(),
    ]
    document = _document(mesh, [part.nbytes for part in parts], _note(depth, options))
    del mesh
    return _container(orjson.dumps(document), parts)


def encode_stl(
    pixels: Rgb, depth: DepthMap, options: MeshOptions, camera: Camera | None = None
) -> bytes:
    """The surface as binary STL, in thousandths of the other files' unit: of metres, millimetres.

    It is open at its cuts and has no thickness. Parameters and errors are those of
    :func:`encode_ply`.
    """
    mesh = _mesh(pixels, depth, options, camera, every_point=False)
    points, file = mesh.points * _MILLIMETRES, io.BytesIO()
    begin_stl(file, len(mesh.triangles))
    for first in range(0, len(mesh.triangles), _CHUNK_TRIANGLES):
        add_facets(file, points[mesh.triangles[first : first + _CHUNK_TRIANGLES]])
    return file.getvalue()


def _mesh(
    pixels: Rgb, depth: DepthMap, options: MeshOptions, camera: Camera | None, every_point: bool
) -> Mesh:
    mesh = build_mesh(pixels, depth, options, camera, every_point=every_point)
    if not len(mesh.points if every_point else mesh.triangles):
        raise InvalidParameter(
            "No surface is left: the photo is only a row of points, its depth jumps everywhere, or "
            "it lies outside near and far or beyond what can be told; raise max_side or edge."
        )
    return mesh


def _note(depth: DepthMap, options: MeshOptions) -> str | None:
    """What the shape must not be taken for; None in metres."""
    if depth.kind.note is None:
        return None
    return f"{depth.kind.note} The farthest is assumed at {options.far_ratio:g} times the nearest."


def _document(mesh: Mesh, sizes: list[int], note: str | None) -> dict[str, Any]:
    """GlTF's JSON for one mesh whose buffer holds points, places, triangles and the picture."""
    offsets = np.cumsum([0, *(size + -size % 4 for size in sizes)]).tolist()
    views: list[dict[str, int]] = [
        {"buffer": 0, "byteOffset": offset, "byteLength": size}
        for offset, size in zip(offsets, sizes, strict=False)
    ]
    views[0]["target"] = views[1]["target"] = _ARRAY_BUFFER
    views[2]["target"] = _ELEMENT_ARRAY_BUFFER
    attributes = {"POSITION": 0, "TEXCOORD_0": 1}
    extras = {"extras": {"note": note}} if note else {}
    return {
        "asset": {"version": "2.0", "generator": "depth-service"} | extras,
        "extensionsUsed": ["KHR_materials_unlit"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "photo"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 2, "material": 0}]}],
        "materials": [
            {
                "pbrMetallicRoughness": {
                    "baseColorTexture": {"index": 0},
                    "metallicFactor": 0,
                    "roughnessFactor": 1,
                },
                "doubleSided": True,
                "extensions": {"KHR_materials_unlit": {}},
            }
        ],
        "textures": [{"sampler": 0, "source": 0}],
        "samplers": [
            {
                "magFilter": _LINEAR,
                "minFilter": _LINEAR_MIPMAPS,
                "wrapS": _CLAMP,
                "wrapT": _CLAMP,
            }
        ],
        "images": [{"bufferView": 3, "mimeType": "image/jpeg"}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": _FLOAT,
                "count": len(mesh.points),
                "type": "VEC3",
                "min": mesh.points.min(axis=0).tolist(),
                "max": mesh.points.max(axis=0).tolist(),
            },
            {
                "bufferView": 1,
                "componentType": _FLOAT,
                "count": len(mesh.places),
                "type": "VEC2",
            },
            {
                "bufferView": 2,
                "componentType": _UINT32,
                "count": mesh.triangles.size,
                "type": "SCALAR",
            },
        ],
        "bufferViews": views,
        "buffers": [{"byteLength": offsets[-1]}],
    }


def _container(document: bytes, parts: list[memoryview]) -> bytes:
    """The file; takes ``parts`` out of their list, each as soon as it is written."""
    document += b" " * (-len(document) % 4)
    binary_size = sum(part.nbytes + -part.nbytes % 4 for part in parts)
    # One buffer that grows, for what may be 200 MB.
    file = io.BytesIO()
    file.write(struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(document) + 8 + binary_size))
    file.write(struct.pack("<II", len(document), _JSON_CHUNK))
    file.write(document)
    file.write(struct.pack("<II", binary_size, _BINARY_CHUNK))
    while parts:
        part = parts.pop(0)
        file.write(part)
        file.write(bytes(-part.nbytes % 4))
    return file.getvalue()


_ENCODERS = {
    SurfaceFormat.PLY: encode_ply,
    SurfaceFormat.GLB: encode_glb,
    SurfaceFormat.STL: encode_stl,
}


def _side(options: PointcloudOptions) -> int:
    mesh = options.format is SurfaceFormat.GLB
    return max(options.max_side, options.texture_side) if mesh else options.max_side


def _make(source: Source, options: PointcloudOptions) -> bytes:
    depth = source.surface(options.max_side)
    return _ENCODERS[options.format](source.pixels, depth, options, source.camera)


def _working_bytes(options: PointcloudOptions, pixels: int) -> int:
    """Measured by `python -m load_tests.effects --peaks`; a tenth in reserve."""
    points = min(pixels, options.max_side**2)
    if options.format is SurfaceFormat.GLB:
        return 98 * points + 6 * pixels + 3 * _OTHER_BYTES
    if options.format is SurfaceFormat.STL:
        return 200 * points + 3 * pixels + _OTHER_BYTES
    return 82 * points + 3 * pixels + _OTHER_BYTES


POINTCLOUD = Effect(
    name="pointcloud",
    summary="Points or a mesh",
    description="Put every pixel at its place in space.\n\n"
    "The unit is the nearest point's distance, which relative depth does not tell.",
    options=PointcloudOptions,
    media_types={
        SurfaceFormat.PLY: "application/ply",
        SurfaceFormat.GLB: "model/gltf-binary",
        SurfaceFormat.STL: STL_TYPE,
    },
    side=_side,
    working_bytes=_working_bytes,
    lowered_by=("max_side", "texture_side"),
    make=_make,
    only_for={"texture_side": (SurfaceFormat.GLB,)},
    of_depth={"far_ratio": RELATIVE},
)
