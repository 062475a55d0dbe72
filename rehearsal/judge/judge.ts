import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'
import type { ResourceType } from '../azure/types.ts'
import wanted from './differences.json' with { type: 'json' }
import { createRoutes, findRoute, type Route } from './routes.ts'

/** One difference from Microsoft's models. Names and places only: values may be secrets. */
export interface Finding {
  side: 'request' | 'answer'
  model: string
  /** The place in the body; `*` stands for any element of an array. */
  at: string
  what: 'unknown' | 'missing' | 'read-only' | 'no such value' | 'type' | 'limit' | 'no model'
  /** The first request that showed it. */
  seenAt: string
  times: number
}

export interface Verdict {
  requests: number
  answers: number
  /** Answers that no model describes, with reason in differences.json. */
  withoutModel: number
  /** How often a wanted difference occurred. */
  wanted: number
  findings: Finding[]
}

export interface Exchange {
  method: string
  path: string
  request?: unknown
  status: number
  answer?: unknown
}

/** Where az or the rehearsal's Azure differs from Microsoft's models and is right, and what no model describes. */
const { differences, withoutModel } = wanted

const errorModel = 'arm.Error'
/** Further kinds of differences would add nothing. */
const mostFindings = 200

function loadModels(): object {
  const lines = readFileSync(path.join(import.meta.dirname, 'models.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const models = lines.map((line) => JSON.parse(line) as { id: string; schema: object })
  const all = Object.fromEntries(models.map(({ id, schema }) => [id, schema]))
  const error = { properties: { error: { $ref: '#/$defs/resources.ErrorResponse' } }, required: ['error'] }
  return { $id: 'models', $defs: { ...all, [errorModel]: { ...error, additionalProperties: false } } }
}

function createValidator(side: Finding['side']): Ajv {
  const ajv = new Ajv({ allErrors: true, strict: false, messages: false, meta: false, validateSchema: false })
  if (side === 'request') {
    ajv.removeKeyword('readOnly')
    ajv.addKeyword({ keyword: 'readOnly', validate: (readOnly: boolean) => !readOnly })
  }
  return ajv.addSchema(models())
}

/** Created on first use and kept, because compiling a model takes tens of milliseconds. */
const validators: Partial<Record<Finding['side'], Ajv>> = {}
let loaded: object | undefined
const models = (): object => (loaded ??= loadModels())

const kinds: Record<string, Finding['what']> = {
  additionalProperties: 'unknown',
  required: 'missing',
  readOnly: 'read-only',
  enum: 'no such value',
  type: 'type',
}

function describe({ instancePath, keyword, params }: ErrorObject): Pick<Finding, 'at' | 'what'> {
  const property = params.additionalProperty ?? params.missingProperty
  const at = `${instancePath}${property === undefined ? '' : `/${property}`}`
  return { at: at.replaceAll(/\/\d+(?=\/|$)/g, '/*'), what: kinds[keyword] ?? 'limit' }
}

/** Without what is null: ARM and its clients treat it as absent. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([, each]) => each !== null && each !== undefined)
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutNulls(each)]))
}

const isEmpty = (body: unknown): boolean =>
  body === undefined || body === null || body === '' || JSON.stringify(body) === '{}'

/**
 * Compares requests and answers with the models of Microsoft's SDK (models.jsonl), as they happen: it keeps counts
 * and the places of differences, no bodies.
 */
export class Judge {
  #findings = new Map<string, Finding>()
  #counts = { requests: 0, answers: 0, withoutModel: 0, wanted: 0 }
  #routes: Route[]

  constructor(types: readonly ResourceType[]) {
    this.#routes = createRoutes(types)
  }

  /** A request to management.azure.com and its answer. */
  see({ method, path, request, status, answer }: Exchange): void {
    const route = findRoute(this.#routes, method, path)
    const where = `${method} ${path}`
    if (withoutModel.some((each) => new RegExp(each.path).test(path.toLowerCase()))) {
      this.#counts.withoutModel++
      return
    }
    this.#counts.requests++
    this.#counts.answers++
    if (status >= 400) this.#compare('answer', errorModel, answer, where)
    if (!route) {
      // What does not exist has no model either.
      if (status < 400) this.#note({ side: 'request', model: method, at: path, what: 'no model' }, where)
      return
    }
    // The refusal itself says what is wrong with the request.
    if (status >= 400) return
    this.#compare('request', route.request, request, where)
    this.#compare('answer', route.answer, answer, where)
  }

  /** The body that a resource of a template becomes: ARM sends it on to the service as a PUT. */
  seeResource(id: string, body: unknown): void {
    this.#counts.requests++
    this.#compare('request', findRoute(this.#routes, 'PUT', id)?.request, body, `template: PUT ${id}`)
  }

  get verdict(): Verdict {
    return { ...this.#counts, findings: [...this.#findings.values()] }
  }

  #compare(side: Finding['side'], model: string | undefined, body: unknown, where: string): void {
    if (isEmpty(body)) return
    if (model === undefined) {
      this.#note({ side, model: where.split(' ')[0]!, at: where, what: 'no model' }, where)
      return
    }
    validators[side] ??= createValidator(side)
    const validate = validators[side].getSchema(`models#/$defs/${model}`)
    if (!validate)
      throw new Error(`models.jsonl has no ${model}: run bin/node rehearsal/judge/writeModels.ts`)
    if (validate(withoutNulls(body))) return
    for (const error of validate.errors ?? [])
      if (error.keyword !== 'if') this.#note({ side, model, ...describe(error) }, where)
  }

  #note(found: Omit<Finding, 'seenAt' | 'times'>, where: string): void {
    const { side, model, at, what } = found
    const same = (each: (typeof differences)[number]) =>
      each.side === side && each.model === model && each.at === at && each.what === what
    if (differences.some(same)) {
      this.#counts.wanted++
      return
    }
    const key = `${side} ${model} ${at} ${what}`
    const known = this.#findings.get(key)
    if (known) known.times++
    else if (this.#findings.size < mostFindings)
      this.#findings.set(key, { ...found, seenAt: where, times: 1 })
  }
}
