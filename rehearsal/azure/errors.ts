import { formatRefusal, type RefusalName, refusals } from '../../lib/azure/refusals.ts'
import type { Reply } from './http.ts'
import type { Bag } from './json.ts'

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

/** A refusal in Azure's own words. */
export const refuse = (name: RefusalName, values: Readonly<Record<string, string | number>> = {}): ArmError =>
  new ArmError(refusals[name].status, refusals[name].code, formatRefusal(name, values))

export const resourceNotFound = (type: string, name: string, group: string): ArmError =>
  new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${type}/${name}' under resource group '${group}' was not found. ` +
      'For more details please go to https://aka.ms/ARMResourceNotFoundFix',
  )

export const groupNotFound = (group: string): ArmError =>
  new ArmError(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`)

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
