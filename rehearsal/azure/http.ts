import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuse } from './errors.ts'
import type { Bag } from './json.ts'

/** One request as the emulator's hosts see it. */
export interface Call {
  method: string
  host: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Buffer
}

/** A response: an object is sent as JSON, text and bytes unchanged. */
export interface Reply {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

export const ok = (body: unknown): Reply => ({ status: 200, body })

/** A list as ARM returns it. */
export const listed = (value: unknown[]): Reply => ok({ value })

export type Handler = (call: Call) => Reply | Promise<Reply>

/** Build contexts are a few megabytes; anything far larger is a mistake of the caller. */
const largestBody = 256 * 1024 * 1024

export async function readCall(request: IncomingMessage): Promise<Call> {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
  // As text: `//subscriptions/…`, which the SDK sends for a resource by its id, would be another host to URL.
  const url = new URL(`https://${host || 'localhost'}${request.url ?? '/'}`)
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    size += part.length
    if (size > largestBody) throw refuse('bodyTooLarge')
    parts.push(part)
  }
  return {
    method: request.method ?? 'GET',
    host,
    path: decodeURI(url.pathname),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(parts),
  }
}

export function sendReply(response: ServerResponse, method: string, reply: Reply): void {
  const headers: Record<string, string | number> = { ...reply.headers }
  let bytes = Buffer.alloc(0)
  if (Buffer.isBuffer(reply.body)) bytes = Buffer.from(reply.body)
  else if (typeof reply.body === 'string') bytes = Buffer.from(reply.body)
  else if (reply.body !== undefined) {
    bytes = Buffer.from(JSON.stringify(reply.body))
    headers['Content-Type'] ??= 'application/json; charset=utf-8'
  }
  if (reply.status !== 204 && headers['Content-Length'] === undefined)
    headers['Content-Length'] = bytes.length
  response.writeHead(reply.status, headers)
  response.end(method === 'HEAD' || reply.status === 204 ? undefined : bytes)
}

/** The JSON object in a body; an empty body is an empty object. */
export function jsonBody(call: Call): Bag {
  const text = call.body.toString('utf8')
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // reported below, with ARM's code
  }
  throw refuse('invalidBody')
}
