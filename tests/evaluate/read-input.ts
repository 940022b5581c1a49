// Files that the evaluation reads, with one sentence for each way they can be wrong.
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'

/** @throws UsageError when there is no such file; `hint` says where it comes from */
export function readInput(file: string, hint: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(code === 'ENOENT' ? `There is no ${file}: ${hint}.` : `${file} cannot be read (${code ?? String(error)}).`)
  }
}

/** Reads JSON of a known shape. @throws UsageError naming the file and the field */
export function readJsonInput<Schema extends v.GenericSchema>(file: string, schema: Schema, hint: string): v.InferOutput<Schema> {
  const text = readInput(file, hint).toString('utf8')
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new UsageError(`${file} is not JSON: ${hint}.`)
  }
  const parsed = v.safeParse(schema, data)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  throw new UsageError(`${file}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}.`)
}
