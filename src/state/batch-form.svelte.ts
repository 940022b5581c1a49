import { expandBatch, parseValues, type BatchChoice, type TableSetting, type Variant } from '../shared/batch'
import { toErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import type { GenerateRequest } from '../shared/request'
import { requestProblems } from '../shared/request-problems'

/** How many clips one press of Generate makes. */
class BatchForm {
  kind = $state<'one' | 'two' | 'four' | 'drafts' | 'table'>('one')
  drafts = $state<4 | 8 | 16>(4)
  /** of a draft; 0: half of a clip's */
  draftSteps = $state(0)
  rows = $state<{ setting: TableSetting; values: string }>({ setting: 'steps', values: '4, 8, 12' })
  columns = $state<{ setting: TableSetting; values: string }>({ setting: 'guidance', values: '3, 5' })

  /** What the form makes of a request, or why it makes nothing. */
  expand(request: GenerateRequest, model: ModelManifest): { variants: Variant[]; problem: string | null } {
    try {
      const variants = expandBatch(request, this.#choice(request, model))
      const [problem] = variants.flatMap((variant) => requestProblems(variant.request, model))
      // a single clip's own settings are marked where they stand
      return { variants, problem: problem && variants.length > 1 ? `${problem.field}: expected ${problem.expected}, got ${problem.got}.` : null }
    } catch (error) {
      return { variants: [], problem: toErrorData(error).message }
    }
  }

  /** Steps of a draft of this request. */
  stepsOfDraft({ steps }: Pick<GenerateRequest, 'steps'>, model: ModelManifest): number {
    return this.draftSteps || Math.max(model.steps.min, Math.ceil(steps / 2))
  }

  #choice(request: GenerateRequest, model: ModelManifest): BatchChoice {
    switch (this.kind) {
      case 'one':
        return { kind: 'one' }
      case 'two':
        return { kind: 'variations', count: 2 }
      case 'four':
        return { kind: 'variations', count: 4 }
      case 'drafts':
        return { kind: 'drafts', count: this.drafts, steps: this.stepsOfDraft(request, model) }
      case 'table':
        return {
          kind: 'table',
          rows: { setting: this.rows.setting, values: parseValues(this.rows.values) },
          columns: { setting: this.columns.setting, values: parseValues(this.columns.values) },
        }
    }
  }
}

export const batchForm = new BatchForm()
