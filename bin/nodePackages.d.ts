export const home: string
export function findProjectNode(): string | undefined
export function hasKnownChecksum(node: string): boolean | undefined
