import { expandBatch, parseValues, type BatchChoice, type GridSetting, type Variant } from '../shared/batch'
import { toErrorData } from '../shared/errors'
import type { ModelManifest } from '../shared/model'
import { requestProblems, type GenerateRequest } from '../shared/request'

/** How many clips Generate adds to the queue, and how they differ. */
class BatchForm {
  kind = $state<'one' | 'two' | 'four' | 'drafts' | 'grid'>('one')
  drafts = $state<4 | 8 | 16>(4)
  /** steps of a draft; 0 stands for half of the steps in the form */
  draftSteps = $state(0)
  rows = $state<{ setting: GridSetting; values: string }>({ setting: 'steps', values: '4, 8, 12' })
  columns = $state<{ setting: GridSetting; values: string }>({ setting: 'guidance', values: '3, 5' })

  /** The variants of a request, or the reason why there are none. */
  expand(request: GenerateRequest, model: ModelManifest): { variants: Variant[]; problem: string | null } {
    try {
      const variants = expandBatch(request, this.#choice(request, model))
      const [problem] = variants.flatMap((variant) => requestProblems(variant.request, model))
      // problems of a single clip are shown at its settings
      return { variants, problem: problem && variants.length > 1 ? `${problem.field}: expected ${problem.expected}, got ${problem.got}.` : null }
    } catch (error) {
      return { variants: [], problem: toErrorData(error).message }
    }
  }

  /** Steps of a draft for this request. */
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
      case 'grid':
        return {
          kind: 'grid',
          rows: { setting: this.rows.setting, values: parseValues(this.rows.values) },
          columns: { setting: this.columns.setting, values: parseValues(this.columns.values) },
        }
    }
  }
}

export const batchForm = new BatchForm()
