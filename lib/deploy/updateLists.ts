import { loginStep } from '../azure/account.ts'
import { createAzure } from '../azure/resources.ts'
import { restartBackendStep, restartWorkersStep } from '../azure/restart.ts'
import type { Context } from '../steps/context.ts'
import type { Step } from '../steps/step.ts'

/** `restart-containers`: the containers as they are, started anew. */
export function restartList(context: Context, only: 'backend' | 'worker' | undefined): Step[] {
  const azure = createAzure(context)
  return [
    loginStep(context, azure.account),
    ...(only === 'worker' ? [] : [restartBackendStep(context, azure)]),
    ...(only === 'backend' ? [] : [restartWorkersStep(context, azure)]),
  ]
}
