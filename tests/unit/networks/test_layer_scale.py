"""Folded into the weights, LayerScale changes nothing but where it is computed."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from service.networks.layer_scale import fold_layer_scales

# Of Depth Anything and of ZoeDepth, and one that has none.
SCALED = {
    "vit_small_patch14_dinov2.lvd142m": {"img_size": 28},
    "beit_base_patch16_224": {"img_size": 32},
}
PLAIN = "vit_tiny_patch16_224"


def backbone(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0, depth=2, **options).eval()
    for key, parameter in network.requires_grad_(False).named_parameters():
        # timm's biases are zero, and its scales all alike.
        if "gamma" in key or "bias" in key:
            parameter.uniform_(0.5, 2)
    return network


@pytest.mark.parametrize("name", SCALED)
def test_the_answers_stay_the_same(name: str) -> None:
    network = backbone(name, **SCALED[name])
    side = SCALED[name]["img_size"]
    image = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    expected = network(image)
    fold_layer_scales(network)
    assert not [key for key, _ in network.named_parameters() if "gamma" in key]
    assert torch.allclose(network(image), expected, atol=1e-5)


def test_a_network_without_them_is_left_alone() -> None:
    network = backbone(PLAIN)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fold_layer_scales(network)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
