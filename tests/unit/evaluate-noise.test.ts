import { expect, test } from 'vitest'
import { gaussianNoise } from '../../workers/pipeline/noise'

test('training/philox.py begins with the same values for seed 7', () => {
  expect([...gaussianNoise(7, 4)]).toEqual([0.00029156741220504045, -0.30484697222709656, 1.78875732421875, 1.0678725242614746])
})
