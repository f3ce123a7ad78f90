"""The predictor's forms: the course's, the released one, and the one without a Transformer."""

import math

import pytest
import torch
from torch import nn

from cvrl_lite.models import MotionPredictor, ProjectionHead

RELEASED = {
    **{"grid": (2, 7, 7), "points": (1, 7, 7), "d_model": 512, "nhead": 8},
    **{"num_encoder_layers": 2, "num_decoder_layers": 4, "query_init": "zero"},
}


def count(network):
    return sum(p.numel() for p in network.parameters())


def transformer_parameters(ins, *, tokens, points, width, encoders, decoders):
    attention = 4 * (width * width + width)
    feed = 2 * (width * width + width)
    norm = 2 * width
    encoder, decoder = attention + feed + 2 * norm, 2 * attention + feed + 3 * norm
    return ins * width + (tokens + points) * width + encoders * encoder + decoders * decoder


def test_the_released_predictor_has_as_many_parameters_as_the_formula_says():
    with torch.device("meta"):
        predictor = MotionPredictor(2048, **RELEASED)
        assert predictor(torch.zeros(3, 2048, 2, 7, 7)).shape == (3, 49, 512)
    sizes = {"tokens": 98, "points": 49, "width": 512, "encoders": 2, "decoders": 4}
    assert count(predictor) == transformer_parameters(2048, **sizes)


def test_the_default_adds_a_norm_and_a_start_to_that():
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), d_model=16)
    sizes = {"tokens": 32, "points": 16, "width": 16, "encoders": 1, "decoders": 2}
    assert count(predictor) == transformer_parameters(8, **sizes) + 2 * 8 + (8 * 2 * 16 + 16)


def test_the_released_head_has_as_many_parameters_as_the_formula_says():
    with torch.device("meta"):
        head = ProjectionHead(512, hidden=2048, outs=512)
    assert count(head) == (512 * 2048 + 2048) + 2 * 2048 + 2048 * 512 + 2 * 512


def test_the_released_start():
    torch.manual_seed(0)
    predictor = MotionPredictor(256, **{**RELEASED, "d_model": 128})
    assert not predictor.state_dict().keys() & {"start.weight", "norm.weight"}
    for name, module in predictor.named_modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.01, rel=0.05), name
            assert module.bias is None or not module.bias.any(), name
        if isinstance(module, nn.MultiheadAttention):
            bound = math.sqrt(6 / (128 + 3 * 128))
            assert module.in_proj_weight.abs().max().item() == pytest.approx(bound, rel=0.01), name
            assert not module.in_proj_bias.any()
    for positions in (predictor.key_positions, predictor.query_positions):
        assert positions.min() >= 0
        assert positions.max() <= 1
        assert positions.mean().item() == pytest.approx(0.5, abs=0.02)


def test_zero_content_still_reads_the_clip_and_tells_points_apart():
    torch.manual_seed(0)
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(2, 4, 4), query_init="zero").eval()
    clips = torch.randn(2, 8, 2, 4, 4)
    first, second = predictor(clips)
    assert first.shape == (32, 96)
    assert not torch.allclose(first, second, atol=1e-6)
    assert (first[0] - first[1]).abs().max() > 1e-3


def test_in_zero_content_the_first_self_attention_has_nothing_to_pass_on():
    """Its values are all zero: gradients reach everything but its matrices and the norm behind it."""
    torch.manual_seed(0)
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), query_init="zero")
    out = predictor(torch.randn(2, 8, 2, 4, 4))
    (out * torch.randn_like(out)).sum().backward()
    idle = [name for name, p in predictor.named_parameters() if p.grad is None or not p.grad.any()]
    first = "decoder.0"
    assert idle == [
        *(f"{first}.attention.in_proj_weight", f"{first}.attention.out_proj.weight"),
        f"{first}.norms.0.weight",
    ]


def test_in_zero_content_only_the_attention_carries_the_clip():
    """With attention to the memory switched off, every clip gets the same prediction."""
    torch.manual_seed(0)
    for query_init, same in (("zero", True), ("position", False)):
        predictor = MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), query_init=query_init).eval()
        for layer in predictor.decoder:
            nn.init.zeros_(layer.cross.out_proj.weight)
        first, second = predictor(torch.randn(2, 8, 2, 4, 4))
        assert torch.allclose(first, second) == same


@pytest.mark.parametrize("transformer", [True, False])
def test_without_a_transformer_a_place_is_predicted_from_itself_alone(transformer):
    torch.manual_seed(0)
    sizes = {"grid": (2, 4, 4), "points": (2, 4, 4)}
    predictor = MotionPredictor(8, **sizes, transformer=transformer).eval()
    clip = torch.randn(1, 8, 2, 4, 4)
    other = clip.clone()
    other[..., 1, 2] += 1  # row 1, column 2, both times
    before, after = predictor(clip)[0], predictor(other)[0]
    assert before.shape == (32, 96)
    changed = (before - after).abs().amax(1) > 1e-6
    place = 1 * 4 + 2
    assert changed.nonzero().flatten().tolist() == (
        list(range(32)) if transformer else [place, 16 + place]  # times first, then rows
    )


def test_without_a_transformer_both_times_of_the_clip_and_of_the_future_count():
    torch.manual_seed(0)
    predictor = MotionPredictor(8, grid=(2, 4, 4), points=(2, 4, 4), transformer=False).eval()
    clip = torch.randn(1, 8, 2, 4, 4)
    out = predictor(clip)[0]
    assert not torch.allclose(out[:16], out[16:], atol=1e-2)
    for time in (0, 1):
        other = clip.clone()
        other[:, :, time] += 1
        assert not torch.allclose(predictor(other)[0], out, atol=1e-2)


def test_a_finer_or_coarser_map_is_pooled_to_the_points():
    predictor = MotionPredictor(8, grid=(2, 7, 7), points=(1, 4, 4), transformer=False)
    assert predictor(torch.randn(2, 8, 2, 7, 7)).shape == (2, 16, 96)


def test_an_unknown_content_is_refused():
    with pytest.raises(ValueError, match="query_init"):
        MotionPredictor(8, grid=(2, 4, 4), points=(1, 4, 4), query_init="ones")
