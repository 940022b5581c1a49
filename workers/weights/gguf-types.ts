// The element types of ggml: their numbers in GGUF files, and the block size of each readable type.
// https://github.com/ggml-org/llama.cpp: enum ggml_type in ggml/include/ggml.h, the blocks in ggml/src/ggml-common.h

/** Values and bytes of a block. A row is whole blocks. */
export interface BlockSize {
  values: number
  bytes: number
}

/** The types that Kinora reads. */
export const GGML_BLOCKS = {
  F32: { values: 1, bytes: 4 },
  F16: { values: 1, bytes: 2 },
  BF16: { values: 1, bytes: 2 },
  Q8_0: { values: 32, bytes: 34 },
  Q4_K: { values: 256, bytes: 144 },
  Q5_K: { values: 256, bytes: 176 },
  Q6_K: { values: 256, bytes: 210 },
} as const satisfies Record<string, BlockSize>
export type GgmlType = keyof typeof GGML_BLOCKS

/** Whether Kinora reads a type. */
export function isReadable(type: string): type is GgmlType {
  return Object.hasOwn(GGML_BLOCKS, type)
}

/** Names by number, for errors; includes types that Kinora cannot read and types that ggml has removed. */
const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [3, 'Q4_1'],
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [8, 'Q8_0'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [14, 'Q6_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [30, 'BF16'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
  [39, 'MXFP4'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
])

/** The name of a type number: `Q4_K`, or `type 99` for an unassigned number. */
export function ggmlTypeName(type: number): string {
  return TYPE_NAMES.get(type) ?? `type ${type}`
}
