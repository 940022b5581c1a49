// The model catalogue: every downloadable model, and the only file that names a host. The page's policy (site-headers.ts) allows the
// hosts in this file and no others.
//
// Revisions, lengths and hashes are from the hub's file pages; no file was downloaded to confirm them. A file without a pin is
// verified against the first response of its server: length, ETag, and a hash of each chunk.

/** A file of a catalogue entry. */
export interface CatalogueFile {
  /** within the repository */
  path: string
  /** estimated length, shown before the server is contacted */
  aboutBytes: number
  /** known length, and SHA-256 in hex */
  pin?: { bytes: number; sha256: string }
}

/** A model of the catalogue: files that are downloaded, verified and deleted together. */
export interface CatalogueEntry {
  /** also the name of its folder in OPFS */
  id: string
  name: string
  /** a video model also needs a text encoder and its tokenizer; a prompt enhancer needs nothing else */
  role: 'video' | 'text-encoder' | 'tokenizer' | 'prompt-enhancer'
  description: string
  license: { name: string; url: string }
  /** owner/name on the hub */
  repo: string
  /** a commit, or a branch where no commit is known */
  revision: string
  files: readonly CatalogueFile[]
  /** id of a {@link TextEncoderKind}: the kind that a video model needs, that a text encoder is, or that a tokenizer belongs to */
  encoderKind?: string
  /** of a video model: GPU memory that it needs, estimated */
  gpuBytes?: number
  /** of a video model: id of its architecture and size; entries that share it share one measurement of generation times, which is stored under it */
  shape?: string
}

/** A text encoder that models can need. Its entries differ in precision alone; one of them and the tokenizer are downloaded. */
export interface TextEncoderKind {
  id: string
  /** the models that need it */
  usedBy: string
  /** one or two sentences, shown above its entries */
  description: string
}

/**
 * The hub of all entries. `origins`: the hosts of its files. A file's address redirects to a storage host under hf.co, or to one of
 * three older hosts: https://huggingface.co/docs/hub/models-downloading
 * (behind a proxy or firewall).
 */
export const HUB = {
  baseUrl: 'https://huggingface.co/',
  origins: [
    'https://huggingface.co',
    'https://*.hf.co',
    'https://cdn-lfs.huggingface.co',
    'https://cdn-lfs-us-1.huggingface.co',
    'https://cdn-lfs-eu-1.huggingface.co',
  ],
} as const

const T5_XXL = 't5-xxl'

/** The text encoders of the catalogue's video models. */
export const TEXT_ENCODER_KINDS: readonly TextEncoderKind[] = [
  {
    id: T5_XXL,
    usedBy: 'LTX-Video',
    description: 'LTX-Video encodes prompts with T5 XXL. All versions share one text encoder, which is downloaded with the first model.',
  },
]

/** LTX-Video 2B: 1.9 billion weights of 4 bits with a scale per 32, 1.15 GB, or instead of them the decoder's 0.5 billion of 16 bits and its activations. */
const LTX = {
  role: 'video',
  repo: 'Lightricks/LTX-Video',
  revision: '8984fa25007f376c1a299016d0957a37a2f797bb',
  encoderKind: T5_XXL,
  gpuBytes: 2_000_000_000,
  shape: 'ltx-2b',
} as const
const LTX_LICENSE = {
  name: 'LTXV Open Weights License 0.X',
  url: 'https://huggingface.co/Lightricks/LTX-Video/blob/main/LTX-Video-Open-Weights-License-0.X.txt',
}
const T5_LICENSE = { name: 'Apache 2.0', url: 'https://huggingface.co/google/t5-v1_1-xxl' }
const T5_SAFETENSORS = {
  role: 'text-encoder',
  encoderKind: T5_XXL,
  license: T5_LICENSE,
  repo: 'comfyanonymous/flux_text_encoders',
  revision: '6af2a98e3f615bdfa612fbd85da93d1ed5f69ef5',
} as const
const T5_GGUF = { role: 'text-encoder', encoderKind: T5_XXL, license: T5_LICENSE, repo: 'city96/t5-v1_1-xxl-encoder-gguf', revision: 'main' } as const

/** The prompt enhancer. `q4`: 4-bit matrices for the CPU; the embeddings are 32-bit and take 189 MB of it. */
export const PROMPT_ENHANCER: CatalogueEntry = {
  id: 'smollm2-360m-instruct',
  name: 'SmolLM2 360M prompt enhancer',
  role: 'prompt-enhancer',
  description: 'Expands a short prompt into a long paragraph like those that LTX-Video was trained on: “Fill it in”, in Create. It runs on the CPU.',
  license: { name: 'Apache 2.0', url: 'https://huggingface.co/HuggingFaceTB/SmolLM2-360M-Instruct' },
  repo: 'HuggingFaceTB/SmolLM2-360M-Instruct',
  revision: 'a10cc1512eabd3dde888204e902eca88bddb4951',
  files: [
    { path: 'onnx/model_q4.onnx', aboutBytes: 417_000_000 },
    { path: 'tokenizer.json', aboutBytes: 2_100_000 },
    { path: 'tokenizer_config.json', aboutBytes: 3_760 },
    { path: 'config.json', aboutBytes: 850 },
    { path: 'generation_config.json', aboutBytes: 132 },
  ],
}

/** Every model that can be downloaded. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    ...LTX,
    id: 'ltxv-2b-0.9.8-distilled',
    name: 'LTX-Video 2B 0.9.8 distilled',
    description: 'Seven steps without guidance: the fastest and newest of the 2B models.',
    license: LTX_LICENSE,
    files: [pinned('ltxv-2b-0.9.8-distilled.safetensors', 6_340_744_492, '76aa8c4786af752fa6f951947129d5290c3c6c0b2fadcadea6b5e114ae2cad8f')],
  },
  {
    ...LTX,
    id: 'ltxv-2b-0.9.6-distilled',
    name: 'LTX-Video 2B 0.9.6 distilled',
    description: 'Eight steps with renoising, without guidance.',
    license: LTX_LICENSE,
    files: [pinned('ltxv-2b-0.9.6-distilled-04-25.safetensors', 6_340_744_028, '94891bd4bd08de30d484befbfc54fdcffe6d1596a131baad700b9baa5e1de86b')],
  },
  {
    ...LTX,
    id: 'ltxv-2b-0.9.5',
    name: 'LTX-Video 2B 0.9.5',
    description: 'Not distilled: many steps with guidance and a negative prompt.',
    license: { name: 'LTX-Video OpenRAIL-M', url: 'https://huggingface.co/Lightricks/LTX-Video/blob/main/ltx-video-2b-v0.9.5.license.txt' },
    files: [{ path: 'ltx-video-2b-v0.9.5.safetensors', aboutBytes: 6_340_000_000 }],
  },
  {
    ...T5_SAFETENSORS,
    id: 't5-xxl-fp8',
    name: 'T5 XXL encoder, 8-bit floats',
    description: 'Encodes the prompt for LTX-Video.',
    files: [pinned('t5xxl_fp8_e4m3fn.safetensors', 4_893_934_904, '7d330da4816157540d6bb7838bf63a0f02f573fc48ca4d8de34bb0cbfd514f09')],
  },
  {
    ...T5_SAFETENSORS,
    id: 't5-xxl-fp16',
    name: 'T5 XXL encoder, 16-bit floats',
    description: 'Encodes the prompt for LTX-Video; the original precision, twice as large.',
    files: [pinned('t5xxl_fp16.safetensors', 9_787_841_024, '6e480b09fae049a72d2a8c5fbccb8d3e92febeb233bbe9dfe7256958a9167635')],
  },
  {
    ...T5_GGUF,
    id: 't5-xxl-q8',
    name: 'T5 XXL encoder, GGUF Q8_0',
    description: 'Encodes the prompt for LTX-Video; 8-bit integers in blocks.',
    files: [pinned('t5-v1_1-xxl-encoder-Q8_0.gguf', 5_061_584_064, '9ec60f6028534b7fe5af439fcb535d75a68592a9ca3fcdeb175ef89e3ee99825')],
  },
  {
    ...T5_GGUF,
    id: 't5-xxl-q4',
    name: 'T5 XXL encoder, GGUF Q4_K_M',
    description: 'Encodes the prompt for LTX-Video; the smallest download.',
    files: [pinned('t5-v1_1-xxl-encoder-Q4_K_M.gguf', 2_896_123_072, '6be2b0b7e2de7cf2919340c88cb802a103a997ce46c53131cec91958c1db1af4')],
  },
  {
    // the 32 000 tokens are the same in every T5; the repository of v1.1 XXL only has them as spiece.model
    id: 't5-tokenizer',
    name: 'T5 tokenizer',
    role: 'tokenizer',
    encoderKind: T5_XXL,
    description: 'Splits the prompt into the tokens of T5.',
    license: { name: 'Apache 2.0', url: 'https://huggingface.co/google-t5/t5-small' },
    repo: 'google-t5/t5-small',
    revision: 'main',
    files: [{ path: 'tokenizer.json', aboutBytes: 1_390_000 }],
  },
  PROMPT_ENHANCER,
]

/** The text encoders of a kind, in the order in which they are offered. Pure. */
export function encodersOf(kind: string, catalogue = CATALOGUE): CatalogueEntry[] {
  return catalogue.filter(({ role, encoderKind }) => role === 'text-encoder' && encoderKind === kind)
}

/** The tokenizer of a video model's or text encoder's prompts; undefined for entries that read no prompts. Pure. */
export function tokenizerOf({ encoderKind }: CatalogueEntry, catalogue = CATALOGUE): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.role === 'tokenizer' && entry.encoderKind === encoderKind)
}

/**
 * The address of a file.
 * @param baseUrl of the hub or of a mirror with the same paths, ending in /
 */
export function catalogueFileUrl({ repo, revision }: Pick<CatalogueEntry, 'repo' | 'revision'>, path: string, baseUrl: string = HUB.baseUrl): string {
  return `${baseUrl}${repo}/resolve/${revision}/${path}`
}

function pinned(path: string, bytes: number, sha256: string): CatalogueFile {
  return { path, aboutBytes: bytes, pin: { bytes, sha256 } }
}
