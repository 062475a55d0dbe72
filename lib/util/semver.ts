/** Whether a version such as `1.25.1` is at least the wanted one. A missing part is 0; text after a number is ignored. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [left, right] = [version, wanted].map((text) =>
    text.split('.').map((part) => Number.parseInt(part, 10)),
  )
  for (const [index, least] of right!.entries()) {
    const part = left![index] ?? 0
    if (part !== least) return part > least
  }
  return true
}
