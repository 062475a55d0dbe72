import { randomUUID } from 'node:crypto'
import { errorBody, refuse } from './errors.ts'
import { ok, type Reply } from './http.ts'
import type { Operation, World } from './world.ts'

/** Starts work that outlives its request. Never rejects; the operation records how it ended. */
export function startOperation(world: World, work: () => Promise<void>, result?: () => unknown): Operation {
  const operation: Operation = {
    id: randomUUID(),
    startedAt: new Date(),
    status: 'InProgress',
    done: Promise.resolve(),
  }
  if (result) operation.result = result
  const end = (status: Operation['status']): void => {
    operation.status = status
    operation.endedAt = new Date()
  }
  operation.done = work().then(
    () => end('Succeeded'),
    (error: unknown) => {
      operation.error = errorBody(error)
      end('Failed')
    },
  )
  world.operations.set(operation.id, operation)
  return operation
}

const path = (world: World, kind: string, operation: Operation, apiVersion: string): string =>
  `https://management.azure.com/subscriptions/${world.subscription.id}/providers/Microsoft.Resources/` +
  `${kind}/${operation.id}?api-version=${apiVersion}`

/** `az` sleeps 30 s per poll without Retry-After or with 0 (azure-core, `_extract_delay`), so 1 is sent. */
const retryAfter = ({ withoutRetryAfter }: Operation): Record<string, string> =>
  withoutRetryAfter ? {} : { 'Retry-After': '1' }

type Headers = Record<string, string>

/** Headers of a long-running response. Source: ARM's guide to asynchronous operations. */
export const operationHeaders = (world: World, operation: Operation, apiVersion: string): Headers => ({
  'Azure-AsyncOperation': path(world, 'operations', operation, apiVersion),
  ...retryAfter(operation),
})

/** The Location style of polling: 202 until done, then the final status. */
export const locationHeaders = (world: World, operation: Operation, apiVersion: string): Headers => ({
  Location: path(world, 'operationresults', operation, apiVersion),
  ...retryAfter(operation),
})

function findOperation(world: World, id: string): Operation {
  const operation = world.operations.get(id)
  if (operation) return operation
  throw refuse('operationNotFound', { id })
}

export function operationStatus(world: World, id: string, apiVersion: string): Reply {
  const operation = findOperation(world, id)
  const running = operation.status === 'InProgress'
  // `az` prints this body unchanged.
  if (operation.error) return ok({ status: operation.status, error: operation.error })
  return {
    status: 200,
    headers: running ? operationHeaders(world, operation, apiVersion) : {},
    body: {
      id: `/subscriptions/${world.subscription.id}/providers/Microsoft.Resources/operations/${id}`,
      name: id,
      status: operation.status,
      startTime: operation.startedAt.toISOString(),
      ...(operation.endedAt ? { endTime: operation.endedAt.toISOString() } : {}),
      properties: operation.status === 'Succeeded' ? (operation.result?.() ?? null) : null,
    },
  }
}

export function operationResult(world: World, id: string, apiVersion: string): Reply {
  const operation = findOperation(world, id)
  if (operation.status === 'InProgress')
    return { status: 202, headers: locationHeaders(world, operation, apiVersion) }
  if (operation.status !== 'Succeeded') return { status: 400, body: { error: operation.error } }
  return operation.result ? ok(operation.result()) : { status: 204 }
}
