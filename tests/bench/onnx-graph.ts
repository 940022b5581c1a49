// Writes ONNX models in memory, so that the peer gets each operation in its fastest form.
// Messages, fields and their numbers: the used part of onnx/onnx.proto3 of https://github.com/onnx/onnx.
import protobuf from 'protobufjs/light.js'
import { f32ToF16 } from '../../workers/engine/half-floats'

/** Element types of ONNX tensors, with their numbers in TensorProto.DataType. */
const DATA_TYPE = { f32: 1, u8: 2, i64: 7, f16: 10 } as const
export type OnnxDType = keyof typeof DATA_TYPE

/** Numbers of AttributeProto.AttributeType. */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const

const OPSET = 21
const CONTRIB_DOMAIN = 'com.microsoft'

const field = (type: string, id: number) => ({ type, id })
const repeated = (type: string, id: number) => ({ type, id, rule: 'repeated' })
const Model = protobuf.Root.fromJSON({
  nested: {
    Model: { fields: { irVersion: field('int64', 1), producerName: field('string', 2), graph: field('Graph', 7), opsetImport: repeated('OperatorSet', 8) } },
    OperatorSet: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    Graph: {
      fields: {
        node: repeated('Node', 1),
        name: field('string', 2),
        initializer: repeated('Tensor', 5),
        input: repeated('ValueInfo', 11),
        output: repeated('ValueInfo', 12),
      },
    },
    Node: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: repeated('Attribute', 5),
        domain: field('string', 7),
      },
    },
    Attribute: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        ints: repeated('int64', 8),
        type: field('int32', 20),
      },
    },
    Tensor: { fields: { dims: repeated('int64', 1), dataType: field('int32', 2), name: field('string', 8), rawData: field('bytes', 9) } },
    ValueInfo: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Type: { fields: { tensorType: field('TensorType', 1) } },
    TensorType: { fields: { elemType: field('int32', 1), shape: field('Shape', 2) } },
    Shape: { fields: { dim: repeated('Dimension', 1) } },
    Dimension: { fields: { dimValue: field('int64', 1) } },
  },
}).lookupType('Model')

/** A node's attribute: integers are ints, `{ float }` is a float. */
export type OnnxAttribute = number | string | readonly number[] | { float: number }

export interface NodeOptions {
  attributes?: Record<string, OnnxAttribute>
  /** an operator of ONNX Runtime's own domain, com.microsoft */
  contrib?: boolean
}

/** A graph under construction; values are identified by their names. */
export class OnnxGraph {
  private readonly nodes: object[] = []
  private readonly initializers: object[] = []
  private readonly inputs: object[] = []
  private readonly outputs: object[] = []
  private names = 0

  /** Adds an input. → its name */
  input(name: string, dtype: OnnxDType, shape: readonly number[]): string {
    this.inputs.push(valueInfo(name, dtype, shape))
    return name
  }

  /** Adds an output `name`. */
  output(name: string, value: string, dtype: OnnxDType, shape: readonly number[]): void {
    this.nodes.push({ opType: 'Identity', input: [value], output: [name], name: this.fresh('output') })
    this.outputs.push(valueInfo(name, dtype, shape))
  }

  /** Adds a weight, which is uploaded with the session. Floats are rounded for f16; other types are given as bytes. */
  weight(dtype: OnnxDType, shape: readonly number[], values: Float32Array | Uint8Array | readonly number[]): string {
    const name = this.fresh('w')
    this.initializers.push({ name, dims: shape, dataType: DATA_TYPE[dtype], rawData: bytesOf(dtype, values) })
    return name
  }

  /** Adds an operator with one result; '' is an omitted input. */
  node(opType: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.nodeOf(opType, inputs, 1, options)[0] as string
  }

  /** Adds an operator with several results, in the operator's order. */
  nodeOf(opType: string, inputs: readonly string[], results: number, { attributes = {}, contrib = false }: NodeOptions = {}): string[] {
    const output = Array.from({ length: results }, () => this.fresh('v'))
    const attribute = Object.entries(attributes).map(([name, value]) => ({ name, ...attributeOf(value) }))
    this.nodes.push({ opType, input: inputs, output, name: this.fresh(opType), attribute, ...(contrib && { domain: CONTRIB_DOMAIN }) })
    return output
  }

  /** The encoded model for a session. */
  encode(): Uint8Array {
    const graph = { name: 'bench', node: this.nodes, initializer: this.initializers, input: this.inputs, output: this.outputs }
    const opsetImport = [
      { domain: '', version: OPSET },
      { domain: CONTRIB_DOMAIN, version: 1 },
    ]
    return Model.encode(Model.create({ irVersion: 10, producerName: 'kinora', graph, opsetImport })).finish()
  }

  private fresh(prefix: string): string {
    return `${prefix}${this.names++}`
  }
}

function valueInfo(name: string, dtype: OnnxDType, shape: readonly number[]): object {
  return { name, type: { tensorType: { elemType: DATA_TYPE[dtype], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } } }
}

function attributeOf(value: OnnxAttribute): object {
  if (typeof value === 'number') return { i: value, type: ATTRIBUTE.int }
  if (typeof value === 'string') return { s: new TextEncoder().encode(value), type: ATTRIBUTE.string }
  if ('float' in value) return { f: value.float, type: ATTRIBUTE.float }
  return { ints: value, type: ATTRIBUTE.ints }
}

function bytesOf(dtype: OnnxDType, values: Float32Array | Uint8Array | readonly number[]): Uint8Array {
  if (values instanceof Uint8Array) return values
  if (dtype === 'i64') return new Uint8Array(BigInt64Array.from([...values], BigInt).buffer)
  const floats = values instanceof Float32Array ? values : Float32Array.from(values)
  const stored = dtype === 'f16' ? f32ToF16(floats) : floats
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)
}

/**
 * Adds the output `result`: the first `values` values of the last result along `axis` (the last axis by default), then one value of each
 * other result, so that these are computed, too.
 */
export function readBack(graph: OnnxGraph, results: readonly string[], rank: number, values: number, dtype: OnnxDType, axis = rank - 1): void {
  const corner = (name: string, count: number) => {
    const ends = Array.from({ length: rank }, (_, i) => (i === axis ? count : 1))
    return graph.node('Slice', [
      name,
      graph.weight(
        'i64',
        [rank],
        Array.from({ length: rank }, () => 0),
      ),
      graph.weight('i64', [rank], ends),
    ])
  }
  const flat = (name: string, count: number) => graph.node('Reshape', [corner(name, count), graph.weight('i64', [1], [count])])
  const parts = [...results].reverse().map((name, index) => flat(name, index === 0 ? values : 1))
  const result = parts.length === 1 ? (parts[0] as string) : graph.node('Concat', parts, { attributes: { axis: 0 } })
  graph.output('result', result, dtype, [values + parts.length - 1])
}

/** Converts our channels-last clips to ONNX's order: [T, pixels, C] → [T, C, pixels]. Pure. */
export function channelsFirst(values: Float32Array, channels: number, pixels: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const pixel = Math.floor(i / channels)
    const frame = Math.floor(pixel / pixels)
    result[(frame * channels + (i % channels)) * pixels + (pixel % pixels)] = values[i] as number
  }
  return result
}
