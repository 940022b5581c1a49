"""Write the fixture of the GGUF reader's tests: blocks of random bytes, and the floats that the package gguf makes of them.

    pip install gguf==0.19.0 numpy==2.4.6
    python training/fixture_gguf.py --out tests/unit/fixtures/gguf-blocks.gguf

One file: a tensor for each type under the type's name, and what it is in floats under `<name>.expected`. The metadata has
a key of every value type. The same packages give the same file: the seed is fixed.
"""

import argparse
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, GGMLQuantizationType, GGUFValueType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

ROWS = 3
# type → (values in a row, bytes at which a block has its f16 scales); K-quants: two blocks a row
BLOCKS = {
    GGMLQuantizationType.Q8_0: (96, [0]),
    GGMLQuantizationType.Q4_K: (512, [0, 2]),
    GGMLQuantizationType.Q5_K: (512, [0, 2]),
    GGMLQuantizationType.Q6_K: (512, [208]),
}
LIMIT_BYTES = 60_000


def random_blocks(random: np.random.Generator, kind: GGMLQuantizationType) -> np.ndarray:
    """[ROWS, bytes of a row]: every bit random, but for scales that are halves of a trained weight's size."""
    width, scale_places = BLOCKS[kind]
    block_values, block_bytes = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * width // block_values, block_bytes), dtype=np.uint8)
    for place in scale_places:
        scales = 10.0 ** random.uniform(-4, 0, len(blocks)) * random.choice([-1, 1], len(blocks))
        scales = scales.astype(np.float16)
        scales[0] = 0
        scales[1] = 2.0 ** -24        # the least half there is
        scales[2] = 65504             # the greatest
        blocks[:, place:place + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(ROWS, -1)


def half_bits(random: np.random.Generator) -> np.ndarray:
    """[2, 33] finite halves, odd in width: both zeros, the least, the greatest subnormal, the least normal, the greatest."""
    edges = np.array([0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF], dtype=np.uint16)
    rest = random.normal(0, 1, 66 - len(edges)).astype(np.float16).view(np.uint16)
    return np.concatenate([edges, rest]).reshape(2, 33)


def add_metadata(writer: GGUFWriter) -> None:
    writer.add_uint8("test.uint8", 255)
    writer.add_int8("test.int8", -128)
    writer.add_uint16("test.uint16", 65535)
    writer.add_int16("test.int16", -32768)
    writer.add_uint32("test.uint32", 2 ** 32 - 1)
    writer.add_int32("test.int32", -2 ** 31)
    writer.add_float32("test.float32", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "Größe ▁")
    writer.add_uint64("test.uint64", 2 ** 64 - 1)
    writer.add_int64("test.int64", -5)
    writer.add_float64("test.float64", 0.1)
    writer.add_array("test.strings", ["<pad>", "</s>", "▁a"])
    writer.add_array("test.floats", [0.5, -1.5])
    writer.add_key_value("test.bools", [True, False, True], GGUFValueType.ARRAY, GGUFValueType.BOOL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)

    random = np.random.default_rng(20)
    writer = GGUFWriter(out, "t5encoder")
    add_metadata(writer)
    # three dims of different length: their order shows; row-major 0, 0.5, 1, …
    writer.add_tensor("F32", (np.arange(30, dtype=np.float32) / 2).reshape(2, 3, 5))
    halves = half_bits(random)
    writer.add_tensor("F16", halves.view(np.float16))
    writer.add_tensor("F16.expected", dequantize(halves, GGMLQuantizationType.F16))
    brains = random.normal(0, 1, (2, 7)).astype(np.float32).view(np.uint16)[:, 1::2].copy()
    writer.add_tensor("BF16", brains.view(np.uint8), raw_dtype=GGMLQuantizationType.BF16)
    writer.add_tensor("BF16.expected", dequantize(brains.view(np.uint8), GGMLQuantizationType.BF16))
    for kind in BLOCKS:
        blocks = random_blocks(random, kind)
        floats = dequantize(blocks, kind)
        assert np.isfinite(floats).all(), f"{kind.name}: not finite"
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.expected", floats)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    size = out.stat().st_size
    assert size < LIMIT_BYTES, f"{out} has {size} bytes, expected fewer than {LIMIT_BYTES}"
    print(f"{out}: {size} bytes")


if __name__ == "__main__":
    main()
