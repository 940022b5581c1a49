"""Assert that transformer.run equals diffusers' own forward: python training/check_transformer.py"""

import torch

from transformer import CONFIGS, make_transformer, run, token_coordinates


@torch.no_grad()
def check(world: str) -> None:
    torch.manual_seed(0)
    config = CONFIGS[world]
    model = make_transformer(world).eval()
    for parameter in model.parameters():  # no zeros or ones that would hide a difference
        parameter.add_(torch.randn_like(parameter) * 0.05)
    batch, frames, height, width, length = 2, 3, 4, 6, 9
    latents = torch.randn(batch, frames, height * width, config["in_channels"])
    sigma = torch.rand(batch, frames)
    text = torch.randn(batch, length, config["caption_channels"])
    mask = torch.ones(batch, length)
    mask[1, 5:] = 0
    coordinates = token_coordinates([0.0, 1.0, 1.75], height, width)
    fast = run(model, latents, sigma, text, mask, coordinates)
    reference = model(
        hidden_states=latents.flatten(1, 2), encoder_hidden_states=text, encoder_attention_mask=mask,
        timestep=(sigma * 1000).repeat_interleave(height * width, dim=1),
        video_coords=coordinates.expand(batch, 3, -1), return_dict=False,
    )[0].view_as(fast)
    error = ((fast - reference).norm() / reference.norm()).item()
    print(f"{world}: {sum(map(torch.Tensor.numel, model.parameters())) / 1e6:.2f} M parameters, relative difference from diffusers: {error:.1e}")
    assert error < 1e-4


def main() -> None:
    for world in CONFIGS:
        check(world)


if __name__ == "__main__":
    main()
