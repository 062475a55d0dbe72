/** Lines of a text; what stands behind the last newline is one that may still grow. */
export function linesIn(text: string): { lines: string[]; growing: boolean } {
  const lines = text.split('\n')
  const growing = lines.at(-1) !== ''
  if (!growing) lines.pop()
  return { lines, growing }
}

/**
 * What is new in a window that moves along a log.
 * @param before the last lines that were seen
 * @param now a later look
 * @returns undefined when the two do not meet: lines are missing between them, or the log has begun anew
 */
export function newLines(before: readonly string[], now: readonly string[]): string[] | undefined {
  if (before.length === 0) return [...now]
  for (let from = 0; from < before.length; from++) {
    const length = before.length - from
    if (length > now.length) continue
    let same = 0
    while (same < length - 1 && before[from + same] === now[same]) same++
    const last = before.at(-1)!
    if (same < length - 1 || !now[same]!.startsWith(last)) continue
    // The last line may have been seen before it was whole.
    return now.slice(now[same] === last ? length : length - 1)
  }
  return undefined
}
