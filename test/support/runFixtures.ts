import type { CheckRun, Sample } from '../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../lib/util/verdict.ts'

export const createSample = (target: string, verdict: Verdict = 'OK', ms: number | null = 70): Sample => ({
  ...{ target, verdict, ms },
  cause: verdict === 'OK' ? '' : `${target} is ${verdict}`,
})

export const createRun = (at: number, ...samples: Sample[]): CheckRun => ({
  at,
  samples: samples.length > 0 ? samples : [createSample('static'), createSample('api')],
})
