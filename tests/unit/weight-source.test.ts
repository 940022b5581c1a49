import { describe, expect, it } from 'vitest'
import { f32ToF16 } from '../../workers/engine/half-floats'
import { getShaped, renamed, weightSource } from '../../workers/models/weight-source'
import { openSafetensors, writeSafetensors } from '../../workers/weights/safetensors'

const file = openSafetensors(
  writeSafetensors({
    single: { dtype: 'F32', shape: [2], values: Float32Array.of(1.5, -2) },
    half: { dtype: 'F16', shape: [3], values: f32ToF16([0.5, -65504, 2 ** -24]) },
    brain: { dtype: 'BF16', shape: [2], values: Uint16Array.of(0x3f80, 0xc040) },
    byte: { dtype: 'F8_E4M3', shape: [3], values: Uint8Array.of(0x38, 0xfe, 0x01) },
    matrix: { dtype: 'I8', shape: [2, 3], values: Int8Array.of(1, 2, -3, 127, 0, -127) },
    matrix_scale: { dtype: 'F32', shape: [2], values: Float32Array.of(0.5, 2) },
    bare: { dtype: 'I8', shape: [3], values: Int8Array.of(1, 2, 3) },
    odd: { dtype: 'I8', shape: [3, 1], values: Int8Array.of(1, 2, 3) },
    odd_scale: { dtype: 'F32', shape: [2], values: Float32Array.of(1, 1) },
  }),
)
const weights = weightSource(file)

describe('weightSource', () => {
  it('reads every float type as f32', () => {
    expect([...weights.get('single').values]).toEqual([1.5, -2])
    expect([...weights.get('half').values]).toEqual([0.5, -65504, 2 ** -24])
    expect([...weights.get('brain').values]).toEqual([1, -3])
    expect([...weights.get('byte').values]).toEqual([1, -448, 2 ** -9])
  })

  it('returns int8 as stored, or dequantized', () => {
    const quantized = weights.getQuantized('matrix')
    expect(quantized?.shape).toEqual([2, 3])
    expect([...(quantized?.q ?? [])]).toEqual([1, 2, -3, 127, 0, -127])
    expect([...weights.get('matrix').values]).toEqual([0.5, 1, -1.5, 254, 0, -254])
    expect(weights.getQuantized('single')).toBeUndefined()
  })

  it('reads a tensor that is unaligned in its file', () => {
    const bytes = Uint8Array.of(0, 0, 0, 128, 63).subarray(1) as Uint8Array<ArrayBuffer> // 1 as f32, from byte 1
    const unaligned = weightSource({ has: () => true, tensor: () => ({ dtype: 'F32', shape: [1], bytes }) })
    expect([...unaligned.get('one').values]).toEqual([1])
  })

  it('refuses int8 without a scale, a scale that does not fit, a missing name and another shape', () => {
    expect(() => weights.get('bare')).toThrow('I8')
    expect(() => weights.get('odd')).toThrow('3 scales')
    expect(() => weights.get('nothing')).toThrow('nothing')
    expect(() => getShaped(weights, 'single', [3])).toThrow('expected shape [3], got [2]')
  })

  it('returns tensors under other names', () => {
    const other = renamed(weights, (name) => name.replace('layer', 'matrix'))
    expect(other.has('layer')).toBe(true)
    expect(other.getQuantized('layer')?.scale.length).toBe(2)
  })
})
