"""Assert that transformer.run equals diffusers' own forward, and its kernels for CPUs their plain forms: python training/check_transformer.py"""

import torch

from transformer import CONFIGS, make_transformer, run, token_coordinates


def check(world: str) -> None:
    torch.manual_seed(0)
    config = CONFIGS[world]
    model = make_transformer(world).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # no zeros or ones that would hide a difference
            parameter.add_(torch.randn_like(parameter) * 0.05)
    batch, frames, height, width, length = 2, 3, 4, 6, 9
    latents = torch.randn(batch, frames, height * width, config["in_channels"])
    sigma = torch.rand(batch, frames)
    text = torch.randn(batch, length, config["caption_channels"])
    mask = torch.ones(batch, length)
    mask[1, 5:] = 0
    coordinates = token_coordinates([0.0, 1.0, 1.75], height, width)
    names, parameters = zip(*model.named_parameters())
    toward = torch.randn_like(latents)                                           # a gradient that tells channels apart

    def try_run(dtype: torch.dtype) -> tuple[torch.Tensor, list[torch.Tensor]]:
        output = run(model, latents, sigma, text, mask, coordinates, dtype).float()
        return output, list(torch.autograd.grad((output * toward).sum(), parameters))

    fast, gradients = try_run(torch.float32)
    with torch.no_grad():
        reference = model(
            hidden_states=latents.flatten(1, 2), encoder_hidden_states=text, encoder_attention_mask=mask,
            timestep=(sigma * 1000).repeat_interleave(height * width, dim=1),
            video_coords=coordinates.expand(batch, 3, -1), return_dict=False,
        )[0].view_as(fast)
    error = relative(fast, reference)
    print(f"{world}: {sum(map(torch.Tensor.numel, model.parameters())) / 1e6:.2f} M parameters, relative difference from diffusers: {error:.1e}")
    assert error < 1e-4

    half, half_gradients = try_run(torch.bfloat16)                                # on CPUs: cpu_kernels.cpp
    worst, name = max((relative(half_gradient, gradient), name) for name, gradient, half_gradient in zip(names, gradients, half_gradients)
                      if gradient.norm() > 1e-3 * max(other.norm() for other in gradients))
    print(f"{world}: in bf16, output differs by {relative(half, fast):.1e}, gradients by {worst:.1e} at most ({name})")
    assert relative(half, fast) < 0.03 and worst < 0.1


def relative(value: torch.Tensor, reference: torch.Tensor) -> float:
    return ((value - reference).norm() / reference.norm()).item()


def main() -> None:
    for world in CONFIGS:
        check(world)


if __name__ == "__main__":
    main()
