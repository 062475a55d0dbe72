/**
 * Whole milliseconds of answers, packed: sorted, each as its distance to the one before it, in groups of 7 bits (LEB128).
 * An hour of one look a minute takes about 60 bytes, and no percentile loses anything.
 */
export function packTimes(times: readonly number[]): Uint8Array {
  const bytes: number[] = []
  let before = 0
  for (const time of [...times].sort((a, b) => a - b)) {
    let rest = time - before
    before = time
    while (rest > 0x7f) {
      bytes.push((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

/** Appends what `packTimes` packed to `into`, the shortest first. */
export function unpackTimes(bytes: Uint8Array, into: number[]): void {
  let [time, rest, scale] = [0, 0, 1]
  for (const byte of bytes) {
    rest += (byte & 0x7f) * scale
    if (byte & 0x80) scale *= 0x80
    else {
      time += rest
      into.push(time)
      rest = 0
      scale = 1
    }
  }
}
