import type { CompositeMapper, Mapper, OperationSpec, ServiceClient } from '@azure/core-client'

type Models = Record<string, Mapper>

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function compareObject(value: unknown, mapper: CompositeMapper, models: Models, at: string): string[] {
  if (!isObject(value)) return [`${at} is no object`]
  const { className = '', additionalProperties } = mapper.type
  const properties =
    mapper.type.modelProperties ?? (models[className] as CompositeMapper).type.modelProperties
  const known: Record<string, Mapper[]> = {}
  for (const each of Object.values(properties ?? {})) {
    const [first = '', ...rest] = (each.serializedName ?? '').split('.')
    known[first] = [...(known[first] ?? []), { ...each, serializedName: rest.join('.') }]
  }
  const unknown = Object.keys(value).filter((key) => !known[key] && !additionalProperties)
  return [
    ...unknown.map((key) => `${at}/${key} unknown`),
    ...Object.entries(known).flatMap(([key, mappers]) => {
      const [mapper] = mappers
      if (mapper!.serializedName === '') return compare(value[key], mapper!, models, `${at}/${key}`)
      // The SDK shows what is in `properties` as if it were the object's own.
      const modelProperties = Object.fromEntries(mappers.map((each, index) => [String(index), each]))
      const inner = { type: { name: 'Composite', modelProperties } } as CompositeMapper
      return value[key] === undefined ? [] : compareObject(value[key], inner, models, `${at}/${key}`)
    }),
  ]
}

/** The places where an answer differs from the SDK's model of it. */
function compare(value: unknown, mapper: Mapper, models: Models, at = ''): string[] {
  if (value === undefined || value === null) return mapper.required ? [`${at} missing`] : []
  const { type } = mapper
  if (type.name === 'Composite') return compareObject(value, mapper as CompositeMapper, models, at)
  if (type.name === 'Sequence' && 'element' in type)
    return Array.isArray(value)
      ? value.flatMap((each) => compare(each, type.element as Mapper, models, `${at}/*`))
      : [`${at} is no array`]
  if (type.name === 'Dictionary' && 'value' in type)
    return isObject(value)
      ? Object.values(value).flatMap((each) => compare(each, type.value as Mapper, models, `${at}/*`))
      : [`${at} is no object`]
  if (type.name === 'Enum' && 'allowedValues' in type)
    return type.allowedValues.includes(value) ? [] : [`${at} has no such value`]
  if (type.name === 'DateTime') return Number.isNaN(Date.parse(String(value))) ? [`${at} is no date`] : []
  const primitive = { String: 'string', Number: 'number', Boolean: 'boolean' }[type.name as string]
  return primitive && typeof value !== primitive ? [`${at} is no ${primitive}`] : []
}

/** Compares each answer that the client gets with its own model, and notes the differences. */
export function watchAnswers(client: Pick<ServiceClient, 'sendOperationRequest'>, differences: Set<string>) {
  const send = client.sendOperationRequest.bind(client)
  const note = (spec: OperationSpec, status: number, text: string) => {
    const mapper = spec.responses[status]?.bodyMapper
    if (!mapper || !text) return
    const models: Models = spec.serializer.modelMappers
    for (const each of compare(JSON.parse(text), mapper, models))
      differences.add(`${mapper.type.name === 'Composite' ? mapper.type.className : ''} ${each}`)
  }
  client.sendOperationRequest = (args, spec) => {
    const { onResponse } = args.options ?? {}
    return send(
      {
        ...args,
        options: {
          ...args.options,
          onResponse(raw, flat, error) {
            // What a poll of an operation returns is no resource.
            if (!/\/operation(s|results)\//.test(raw.request.url))
              note(spec, raw.status, raw.bodyAsText ?? '')
            onResponse?.(raw, flat, error)
          },
        },
      },
      spec,
    )
  }
}
