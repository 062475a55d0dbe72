import { fillWords, type RefusalName, refusals } from '../../lib/azure/refusals.ts'
import type { Call, Reply } from './http.ts'
import type { Bag } from './json.ts'
import own from './refusals.json' with { type: 'json' }

/** An error response of ARM: `{"error": {"code", "message", "details"}}`. */
export class ArmError extends Error {
  readonly status: number
  readonly code: string
  readonly details: Bag[]
  readonly headers: Record<string, string>

  constructor(status: number, code: string, message: string, details: Bag[] = [], headers = {}) {
    super(message)
    this.status = status
    this.code = code
    this.details = details
    this.headers = headers
  }
}

export const badRequest = (code: string, message: string): ArmError => new ArmError(400, code, message)
export const conflict = (code: string, message: string): ArmError => new ArmError(409, code, message)

type Values = Readonly<Record<string, unknown>>

/**
 * A refusal in the words of Azure that the scripts explain (lib/azure/refusals.ts), or in those of refusals.json: Azure's
 * where they have a source, otherwise ours, whatever their code. `values` replace the names in braces.
 */
export function refuse(
  name: RefusalName | keyof typeof own,
  values: Values = {},
  details: Bag[] = [],
  headers = {},
): ArmError {
  const { status, code, words } = { ...refusals, ...own }[name]
  return new ArmError(status, code, fillWords(words, values), details, headers)
}

/** What this Azure does not have. */
export const unknownRoute = ({ method, path }: Call): ArmError =>
  refuse(method === 'GET' ? 'unknownPath' : 'unknownMethod', { method, path })

/** The body of an error as operations and deployments carry it. */
export function errorBody(error: unknown): Bag {
  if (error instanceof ArmError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.details.length > 0 ? { details: error.details } : {}),
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'InternalServerError', message: `The rehearsal's Azure failed: ${message}` }
}

export function errorReply(error: unknown): Reply {
  const known = error instanceof ArmError
  return {
    status: known ? error.status : 500,
    headers: known ? error.headers : {},
    body: { error: errorBody(error) },
  }
}
