/** The name closest to what was typed, if it is close enough to be meant (edit distance up to a third of its length). */
export function findNearest(typed: string, names: readonly string[]): string | undefined {
  const [best] = rank(typed, names)
  return best && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined
}

/** All names, the one closest to what was typed first. */
export const sortByNearness = (typed: string, names: readonly string[]): string[] =>
  rank(typed, names).map(({ name }) => name)

const rank = (typed: string, names: readonly string[]) =>
  names
    .map((name) => ({ name, distance: distance(typed.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)

/** `; did you mean table?`, to follow the name of something unknown; empty when nothing is close enough. */
export function formatSuggestion(typed: string, names: readonly string[]): string {
  const nearest = findNearest(typed, names)
  return nearest ? `; did you mean ${nearest}?` : ''
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]!
}
