/** An open JSON object, as ARM bodies are: the resource types check what they read. */
// biome-ignore lint/suspicious/noExplicitAny: the fields are the caller's, each type checks its own
export type Bag = Record<string, any>

/** Deep equality of JSON values; an absent field and an undefined one are the same. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const keys = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...keys].every((key) => sameJson((left as Bag)[key], (right as Bag)[key]))
}

/** JSON merge patch (RFC 7396): what ARM's PATCH does with a body. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Bag = typeof target === 'object' && target && !Array.isArray(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergePatch(result[key], value)
  }
  return result
}
