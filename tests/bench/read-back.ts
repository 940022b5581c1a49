// What a peer's graph gives back: a few values, of all results that nothing else needs.
import type { OnnxDType, OnnxGraph } from './onnx-graph'

/**
 * The output `result`: the first `values` values of the last of them along `axis` (the last one when not given), then one value of
 * each other, so that they are computed, too.
 */
export function readBack(graph: OnnxGraph, results: readonly string[], rank: number, values: number, dtype: OnnxDType, axis = rank - 1): void {
  const corner = (name: string, count: number) => {
    const ends = Array.from({ length: rank }, (_, i) => (i === axis ? count : 1))
    return graph.node('Slice', [name, graph.weight('i64', [rank], Array.from({ length: rank }, () => 0)), graph.weight('i64', [rank], ends)])
  }
  const flat = (name: string, count: number) => graph.node('Reshape', [corner(name, count), graph.weight('i64', [1], [count])])
  const parts = [...results].reverse().map((name, index) => flat(name, index === 0 ? values : 1))
  const result = parts.length === 1 ? (parts[0] as string) : graph.node('Concat', parts, { attributes: { axis: 0 } })
  graph.output('result', result, dtype, [values + parts.length - 1])
}
