"""The engine's noise, in numpy: Gaussian values from a seed, element i of which depends on (seed, i) alone.

The twin of workers/pipeline/noise.ts: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011),
then Box-Muller in double precision, rounded to f32. Check it against the published answers: python training/philox.py
"""

import numpy as np

_ROUNDS = 10
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85
SEED_7 = 0.00029156741220504045, -0.30484697222709656, 1.78875732421875, 1.0678725242614746  # as tests/unit/evaluate-noise.test.ts has them
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Counters u32 [n, 4] and one key of two u32 -> u32 [n, 4]."""
    c0, c1, c2, c3 = (counter[:, i].astype(np.uint64) for i in range(4))
    k0, k1 = key
    for _ in range(_ROUNDS):
        first, second = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]  # 64 bits hold each product
        c0, c1, c2, c3 = (second >> _WORD) ^ c1 ^ np.uint64(k0), second & _LOW, (first >> _WORD) ^ c3 ^ np.uint64(k1), first & _LOW
        k0, k1 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF, (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).astype(np.uint32)


def gaussian_noise(seed: int, count: int) -> np.ndarray:
    """f32 [count], mean 0 and variance 1, for a u32 seed: block b of four values is drawn from counter (b, 0, 0, 0) and key (seed, 0)."""
    blocks = -(-count // 4)
    counter = np.zeros((blocks, 4), dtype=np.uint32)
    counter[:, 0] = np.arange(blocks, dtype=np.uint32)
    words = philox(counter, (seed & 0xFFFFFFFF, 0)).astype(np.float64).reshape(blocks, 2, 2)  # block, pair, (radius, angle)
    radius = np.sqrt(-2 * np.log((words[..., 0] + 0.5) / 2**32))
    angle = 2 * np.pi * words[..., 1] / 2**32
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1)[:count].astype(np.float32)


def clip_noise(seed: int, channels: int, frames: int, height: int, width: int) -> np.ndarray:
    """The noise a clip starts from, f32 [channels, frames, height, width] in latent pixels: normalized latents at sigma 1."""
    return gaussian_noise(seed, channels * frames * height * width).reshape(channels, frames, height, width)


def _check() -> None:
    """The known answers of the Random123 distribution (kat_vectors, philox4x32 10)."""
    ones = 0xFFFFFFFF
    cases = [
        ([0, 0, 0, 0], (0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([ones] * 4, (ones, ones), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], (0xA4093822, 0x299F31D0), [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
    ]
    for counter, key, answer in cases:
        assert philox(np.array([counter], dtype=np.uint32), key)[0].tolist() == answer, counter
    noise = gaussian_noise(7, 100_001)
    assert np.array_equal(noise[:10], gaussian_noise(7, 10))
    assert np.array_equal(noise[:4], np.array(SEED_7, dtype=np.float32)), noise[:4]
    assert abs(noise.mean()) < 0.012 and abs(noise.var() - 1) < 0.02
    print("philox.py: as published, and as the engine draws it")


if __name__ == "__main__":
    _check()
