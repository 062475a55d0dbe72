const number = (address: string): number =>
  address.split('.').reduce((value, part) => value * 256 + Number(part), 0)

const text = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

export const isAddress = (value: unknown): value is string =>
  typeof value === 'string' &&
  /^(\d{1,3})(\.\d{1,3}){3}$/.test(value) &&
  value.split('.').every((part) => Number(part) < 256)

export const isRange = (start: string, end: string): boolean => number(start) <= number(end)

/** The fewest CIDR blocks that cover an inclusive range of IPv4 addresses. */
export function rangeBlocks(start: string, end: string): string[] {
  const blocks: string[] = []
  let at = number(start)
  const last = number(end)
  while (at <= last) {
    let bits = 0
    while (bits < 32 && at % 2 ** (bits + 1) === 0 && at + 2 ** (bits + 1) - 1 <= last) bits += 1
    blocks.push(`${text(at)}/${32 - bits}`)
    at += 2 ** bits
  }
  return blocks
}
