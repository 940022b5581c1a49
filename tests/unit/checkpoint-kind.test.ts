import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { checkpointKind } from '../../workers/models/checkpoint-kind'

const header = (names: Record<string, number[]>) => new Map(Object.entries(names).map(([name, shape]) => [name, { shape }]))
const blocks = (count: number, name: (index: number) => string) => Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), [2048]]))

describe('checkpointKind', () => {
  test('detects a single-file checkpoint: transformer and autoencoder, original names', () => {
    const tensors = header({
      'model.diffusion_model.patchify_proj.weight': [2048, 128],
      ...blocks(28, (index) => `model.diffusion_model.transformer_blocks.${index}.attn1.q_norm.weight`),
      'vae.decoder.up_blocks.0.res_blocks.0.conv1.conv.weight': [1024, 1024, 3, 3, 3],
    })
    expect(checkpointKind(tensors, 'x')).toEqual({ parts: ['transformer', 'autoencoder'], names: 'original', width: 2048, blocks: 28 })
  })

  test('reports the width and blocks of the 13B model', () => {
    const tensors = header({ 'patchify_proj.weight': [4096, 128], ...blocks(48, (index) => `transformer_blocks.${index}.attn1.q_norm.weight`) })
    expect(checkpointKind(tensors, 'x')).toEqual({ parts: ['transformer'], names: 'original', width: 4096, blocks: 48 })
  })

  test('detects the files of a diffusers folder', () => {
    const transformer = header({ 'proj_in.weight': [2048, 128], ...blocks(28, (index) => `transformer_blocks.${index}.attn1.norm_q.weight`) })
    expect(checkpointKind(transformer, 'x')).toEqual({ parts: ['transformer'], names: 'diffusers', width: 2048, blocks: 28 })
    const autoencoder = header({ 'decoder.mid_block.resnets.0.conv1.conv.weight': [512, 512, 3, 3, 3] })
    expect(checkpointKind(autoencoder, 'x')).toEqual({ parts: ['autoencoder'], names: 'diffusers' })
  })

  test.each(['shared.weight', 'encoder.embed_tokens.weight'])('detects T5 v1.1 with the embedding table %s', (table) => {
    const tensors = header({ [table]: [32128, 4096], ...blocks(24, (index) => `encoder.block.${index}.layer.1.DenseReluDense.wi_1.weight`) })
    expect(checkpointKind(tensors, 'x')).toEqual({ parts: ['text-encoder'], names: 'diffusers', width: 4096, blocks: 24 })
  })
})

test.each([
  ['UMT5, which has a position bias in every block', { 'encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight': [32, 64] }, 32128],
  ['mT5, which has a vocabulary of its own', {}, 250112],
])('tells T5 v1.1 from %s', (found, more, vocabulary) => {
  const tensors = header({
    'shared.weight': [vocabulary, 4096],
    'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': [32, 64],
    ...blocks(24, (index) => `encoder.block.${index}.layer.1.DenseReluDense.wi_1.weight`),
    ...more,
  })
  expect(() => checkpointKind(tensors, 'umt5.safetensors')).toThrow(`umt5.safetensors contains ${found}; Kinora runs LTX-Video 2B`)
})

test.each([
  ['blocks.0.self_attn.norm_q.weight', 'Wan'],
  ['model.diffusion_model.input_blocks.0.0.weight', 'U-Net'],
  ['double_blocks.0.img_attn.qkv.weight', 'FLUX'],
  ['transformer_blocks.0.attn1.to_q.weight', 'CogVideoX'],
  ['diffusion_model.transformer_blocks.0.attn1.to_q.lora_A.weight', 'LoRA'],
  ['text_model.encoder.layers.0.mlp.fc1.weight', 'CLIP'],
  ['encoder.block.0.layer.1.DenseReluDense.wi.weight', 'T5 v1.0'],
  ['something.else', 'an unknown model (1 tensors, the first is something.else)'],
])('rejects %s and names the model', (name, found) => {
  const run = () => checkpointKind(header({ [name]: [8, 8] }), 'file.safetensors')
  expect(run).toThrow(AppError)
  expect(run).toThrow(found)
  expect(run).toThrow('Kinora runs LTX-Video 2B')
})
